/* Depthwise 2-D convolution. Padding has the value of the input's zero point, so taps outside the input add nothing and are skipped. */
#include "depthwise_conv_2d_s8.h"

/* One output pixel: where the window starts, and which of its taps lie inside the input. */
typedef struct {
    int32_t row;
    int32_t column;
    int32_t first_row;
    int32_t end_row;
    int32_t first_column;
    int32_t end_column;
} place_t;

static int32_t first_tap(int32_t origin, int32_t dilation)
{
    return origin < 0 ? (dilation - 1 - origin) / dilation : 0;
}

static int32_t end_tap(int32_t origin, int32_t size, int32_t kernel, int32_t dilation)
{
    const int32_t end = origin < size ? (size - origin + dilation - 1) / dilation : 0;

    return end < kernel ? end : kernel;
}

static place_t place_of(const mcu_slm_depthwise_conv_2d_t *layer, int32_t y, int32_t x)
{
    const int32_t row = y * layer->stride_height - layer->pad_top;
    const int32_t column = x * layer->stride_width - layer->pad_left;
    const place_t place = {
        row,
        column,
        first_tap(row, layer->dilation_height),
        end_tap(row, layer->input_height, layer->kernel_height, layer->dilation_height),
        first_tap(column, layer->dilation_width),
        end_tap(column, layer->input_width, layer->kernel_width, layer->dilation_width),
    };

    return place;
}

/* acc[c] += (x[c] - zero_point) * w[c] */
static void add_tap(int32_t *restrict acc, int32_t size, const int8_t *x, int32_t zero_point,
                    const int8_t *w)
{
    for (int32_t c = 0; c < size; c++) {
        acc[c] += (x[c] - zero_point) * w[c];
    }
}

/* Three taps at a time: the sums are loaded and stored once for them. Steps from tap to tap are in elements. */
static void add_three_taps(int32_t *restrict acc, int32_t size, const int8_t *x0, int32_t x_step,
                           int32_t zero_point, const int8_t *w0, int32_t w_step)
{
    const int8_t *x1 = x0 + x_step;
    const int8_t *x2 = x1 + x_step;
    const int8_t *w1 = w0 + w_step;
    const int8_t *w2 = w1 + w_step;

    for (int32_t c = 0; c < size; c++) {
        acc[c] += (x0[c] - zero_point) * w0[c] + (x1[c] - zero_point) * w1[c] +
                  (x2[c] - zero_point) * w2[c];
    }
}

/* Adds the window's products to the sums of a block of channels; `image` and `weights` point at its first channel. */
static void add_window(const mcu_slm_depthwise_conv_2d_t *layer, const place_t *place,
                       const int8_t *image, const int8_t *weights, int32_t *acc, int32_t size)
{
    const int32_t channels = layer->input_channels;
    const int32_t x_step = layer->dilation_width * channels;
    const int32_t column = place->column + place->first_column * layer->dilation_width;

    for (int32_t ky = place->first_row; ky < place->end_row; ky++) {
        const int32_t row = place->row + ky * layer->dilation_height;
        const int8_t *x = image + (row * layer->input_width + column) * channels;
        const int8_t *w = weights + (ky * layer->kernel_width + place->first_column) * channels;
        int32_t taps = place->end_column - place->first_column;

        for (; taps >= 3; taps -= 3) {
            add_three_taps(acc, size, x, x_step, layer->input_zero_point, w, channels);
            x += 3 * x_step;
            w += 3 * channels;
        }
        for (; taps > 0; taps--) {
            add_tap(acc, size, x, layer->input_zero_point, w);
            x += x_step;
            w += channels;
        }
    }
}

/* One output pixel where every channel has one filter. */
static void convolve_pixel(const mcu_slm_depthwise_conv_2d_t *layer, const place_t *place,
                           const int8_t *image, int8_t *output)
{
    int32_t acc[MCU_SLM_BLOCK];

    for (int32_t first = 0; first < layer->input_channels; first += MCU_SLM_BLOCK) {
        const int32_t left = layer->input_channels - first;
        const int32_t size = left < MCU_SLM_BLOCK ? left : MCU_SLM_BLOCK;

        mcu_slm_start_block(acc, size, layer->bias + first);
        add_window(layer, place, image + first, layer->weights + first, acc, size);
        mcu_slm_store_block(&layer->output, acc, first, size, output + first);
    }
}

/* Adds the window's products to the sums of filters of one channel; `image` points at it, `weights` at the first filter. */
static void add_window_of_channel(const mcu_slm_depthwise_conv_2d_t *layer, const place_t *place,
                                  const int8_t *image, const int8_t *weights, int32_t *acc,
                                  int32_t size)
{
    const int32_t filters = layer->input_channels * layer->depth_multiplier;
    const mcu_slm_rows_t one_value = {1, 1, 0, 0, layer->input_zero_point};

    for (int32_t ky = place->first_row; ky < place->end_row; ky++) {
        const int32_t row = place->row + ky * layer->dilation_height;

        for (int32_t kx = place->first_column; kx < place->end_column; kx++) {
            const int32_t column = place->column + kx * layer->dilation_width;
            const int32_t source = (row * layer->input_width + column) * layer->input_channels;

            mcu_slm_add_products(acc, size, &one_value, image + source,
                                 weights + (ky * layer->kernel_width + kx) * filters);
        }
    }
}

/* One output pixel where every channel has several filters. */
static void convolve_pixel_multiplied(const mcu_slm_depthwise_conv_2d_t *layer,
                                      const place_t *place, const int8_t *image, int8_t *output)
{
    const int32_t filters = layer->input_channels * layer->depth_multiplier;
    int32_t acc[MCU_SLM_BLOCK];

    for (int32_t channel = 0; channel < filters; channel += layer->depth_multiplier) {
        const int32_t end = channel + layer->depth_multiplier;

        for (int32_t first = channel, size = 0; first < end; first += size) {
            size = mcu_slm_block_size(end, first);

            mcu_slm_start_block(acc, size, layer->bias + first);
            add_window_of_channel(layer, place, image, layer->weights + first, acc, size);
            mcu_slm_store_block(&layer->output, acc, first, size, output + first);
        }
        image++;
    }
}

void mcu_slm_depthwise_conv_2d_s8(const mcu_slm_depthwise_conv_2d_t *layer, const int8_t *input,
                                  int8_t *output)
{
    const int32_t image_size = layer->input_height * layer->input_width * layer->input_channels;

    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t y = 0; y < layer->output_height; y++) {
            for (int32_t x = 0; x < layer->output_width; x++) {
                const place_t place = place_of(layer, y, x);

                if (layer->depth_multiplier == 1) {
                    convolve_pixel(layer, &place, input, output);
                } else {
                    convolve_pixel_multiplied(layer, &place, input, output);
                }
                output += layer->input_channels * layer->depth_multiplier;
            }
        }
        input += image_size;
    }
}
