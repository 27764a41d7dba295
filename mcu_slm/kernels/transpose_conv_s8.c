/* Transposed 2-D convolution, gathered: an output position adds up the input pixels that reach it, so no wide buffer is needed. */
#include "transpose_conv_s8.h"

#include "requantize.h"

static int32_t dot_product(const int8_t *x, const int8_t *w, int32_t count, int32_t zero_point)
{
    int32_t acc = 0;

    for (int32_t i = 0; i < count; i++) {
        acc += (x[i] - zero_point) * w[i];
    }
    return acc;
}

/* The input position that reaches `position` by tap 0 <= tap, -1 where there is none. */
static int32_t source_of(int32_t position, int32_t tap, int32_t stride, int32_t size)
{
    const int32_t distance = position - tap;

    if (distance < 0 || distance % stride != 0 || distance / stride >= size) {
        return -1;
    }
    return distance / stride;
}

/* The sum for one output channel at (row, column) of the plane that includes the padding. */
static int32_t sum_of_products(const mcu_slm_transpose_conv_t *layer, const int8_t *image,
                               int32_t row, int32_t column, const int8_t *weights)
{
    const int32_t channels = layer->input_channels;
    int32_t acc = 0;

    for (int32_t ky = 0; ky < layer->kernel_height; ky++) {
        const int32_t y = source_of(row, ky, layer->stride_height, layer->input_height);

        for (int32_t kx = 0; y >= 0 && kx < layer->kernel_width; kx++) {
            const int32_t x = source_of(column, kx, layer->stride_width, layer->input_width);

            if (x >= 0) {
                acc += dot_product(image + (y * layer->input_width + x) * channels,
                                   weights + (ky * layer->kernel_width + kx) * channels, channels,
                                   layer->input_zero_point);
            }
        }
    }
    return acc;
}

static void convolve_pixel(const mcu_slm_transpose_conv_t *layer, const int8_t *image, int32_t row,
                           int32_t column, int8_t *output)
{
    const int8_t *weights = layer->weights;

    for (int32_t channel = 0; channel < layer->output_channels; channel++) {
        int32_t acc = layer->bias[channel];

        acc += sum_of_products(layer, image, row, column, weights);
        acc = mcu_slm_requantize(acc, layer->multiplier[channel], layer->shift[channel]);
        output[channel] =
            mcu_slm_clamp_s8(acc + layer->output_zero_point, layer->act_min, layer->act_max);
        weights += layer->kernel_height * layer->kernel_width * layer->input_channels;
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
