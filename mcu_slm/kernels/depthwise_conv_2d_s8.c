/* Depthwise 2-D convolution. Padding has the value of the input's zero point, so taps outside the input add nothing and are skipped. */
#include "depthwise_conv_2d_s8.h"

#include "requantize.h"

/* One output pixel of one channel: where the window starts, and which of its taps lie inside the input. */
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

/* The sum over the window; `image` and `weights` point at the channel's first value. */
static int32_t sum_of_products(const mcu_slm_depthwise_conv_2d_t *layer, const place_t *place,
                               const int8_t *image, const int8_t *weights)
{
    const int32_t channels = layer->input_channels;
    const int32_t filters = channels * layer->depth_multiplier;
    const int32_t input_step = layer->dilation_width * channels;
    int32_t acc = 0;

    for (int32_t ky = place->first_row; ky < place->end_row; ky++) {
        const int32_t row = place->row + ky * layer->dilation_height;
        const int32_t column = place->column + place->first_column * layer->dilation_width;
        const int8_t *x = image + (row * layer->input_width + column) * channels;
        const int8_t *w = weights + (ky * layer->kernel_width + place->first_column) * filters;

        for (int32_t kx = place->first_column; kx < place->end_column; kx++) {
            acc += (*x - layer->input_zero_point) * *w;
            x += input_step;
            w += filters;
        }
    }
    return acc;
}

static void convolve_pixel(const mcu_slm_depthwise_conv_2d_t *layer, const place_t *place,
                           const int8_t *image, int8_t *output)
{
    int32_t filter = 0;

    for (int32_t channel = 0; channel < layer->input_channels; channel++) {
        for (int32_t m = 0; m < layer->depth_multiplier; m++) {
            int32_t acc = layer->bias[filter];

            acc += sum_of_products(layer, place, image + channel, layer->weights + filter);
            acc = mcu_slm_requantize(acc, layer->multiplier[filter], layer->shift[filter]);
            output[filter] =
                mcu_slm_clamp_s8(acc + layer->output_zero_point, layer->act_min, layer->act_max);
            filter++;
        }
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

                convolve_pixel(layer, &place, input, output);
                output += layer->input_channels * layer->depth_multiplier;
            }
        }
        input += image_size;
    }
}
