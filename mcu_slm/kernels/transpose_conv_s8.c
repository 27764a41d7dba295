/* Transposed 2-D convolution, gathered: an output position adds up the input pixels that reach it, so no wide buffer is needed. */
#include "transpose_conv_s8.h"

/* The input position that reaches `position` by tap 0 <= tap, -1 where there is none. */
static int32_t source_of(int32_t position, int32_t tap, int32_t stride, int32_t size)
{
    const int32_t distance = position - tap;

    if (distance < 0 || distance % stride != 0 || distance / stride >= size) {
        return -1;
    }
    return distance / stride;
}

/* Adds the products for (row, column) of the plane that includes the padding to the sums of a block of filters. */
static void add_window(const mcu_slm_transpose_conv_t *layer, const int8_t *image, int32_t row,
                       int32_t column, const int8_t *weights, int32_t *acc, int32_t size)
{
    const int32_t channels = layer->input_channels;
    const mcu_slm_rows_t one_pixel = {1, channels, 0, 0, layer->input_zero_point};

    for (int32_t ky = 0; ky < layer->kernel_height; ky++) {
        const int32_t y = source_of(row, ky, layer->stride_height, layer->input_height);

        for (int32_t kx = 0; y >= 0 && kx < layer->kernel_width; kx++) {
            const int32_t x = source_of(column, kx, layer->stride_width, layer->input_width);

            if (x >= 0) {
                const int32_t tap = (ky * layer->kernel_width + kx) * channels;

                mcu_slm_add_products(acc, size, &one_pixel,
                                     image + (y * layer->input_width + x) * channels,
                                     weights + tap * size);
            }
        }
    }
}

static void convolve_pixel(const mcu_slm_transpose_conv_t *layer, const int8_t *image, int32_t row,
                           int32_t column, int8_t *output)
{
    const int32_t filter_size = layer->kernel_height * layer->kernel_width * layer->input_channels;
    const int8_t *weights = layer->weights;
    int32_t acc[MCU_SLM_BLOCK];

    for (int32_t first = 0, size = 0; first < layer->output_channels; first += size) {
        size = mcu_slm_block_size(layer->output_channels, first);

        mcu_slm_start_block(acc, size, layer->bias + first);
        add_window(layer, image, row, column, weights, acc, size);
        mcu_slm_store_block(&layer->output, acc, first, size, output + first);
        weights += filter_size * size;
    }
}

void mcu_slm_transpose_conv_s8(const mcu_slm_transpose_conv_t *layer, const int8_t *input,
                               int8_t *output)
{
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t y = 0; y < layer->output_height; y++) {
            for (int32_t x = 0; x < layer->output_width; x++) {
                convolve_pixel(layer, input, y + layer->pad_top, x + layer->pad_left, output);
                output += layer->output_channels;
            }
        }
        input += layer->input_height * layer->input_width * layer->input_channels;
    }
}
