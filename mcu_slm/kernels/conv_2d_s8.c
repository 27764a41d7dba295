/* 2-D convolution. Padding has the value of the input's zero point, so taps outside the input add nothing and are skipped. */
#include "conv_2d_s8.h"

#include "requantize.h"

/* The taps of one axis that lie inside the input: first tap, one past the last tap. */
typedef struct {
    int32_t first;
    int32_t end;
} taps_t;

static taps_t taps_inside(int32_t origin, int32_t size, int32_t kernel, int32_t dilation)
{
    taps_t taps = {0, kernel};

    while (taps.first < kernel && origin + taps.first * dilation < 0) {
        taps.first++;
    }
    while (taps.end > taps.first && origin + (taps.end - 1) * dilation >= size) {
        taps.end--;
    }
    return taps;
}

static int32_t dot_product(const int8_t *x, const int8_t *w, int32_t count, int32_t zero_point)
{
    int32_t acc = 0;

    for (int32_t i = 0; i < count; i++) {
        acc += (x[i] - zero_point) * w[i];
    }
    return acc;
}

/* One output pixel: all output channels at (y, x), where the window's top left corner lies at (row, column). */
static void convolve_pixel(const mcu_slm_conv_2d_t *layer, const int8_t *image, int32_t row,
                           int32_t column, int8_t *output)
{
    const int32_t channels = layer->input_channels / layer->groups;
    const int32_t filters = layer->output_channels / layer->groups;
    const taps_t rows =
        taps_inside(row, layer->input_height, layer->kernel_height, layer->dilation_height);
    const taps_t columns =
        taps_inside(column, layer->input_width, layer->kernel_width, layer->dilation_width);
    /* Without dilation and groups the taps of a row lie side by side: one run instead of several. */
    const int32_t joined =
        layer->dilation_width == 1 && layer->groups == 1 ? columns.end - columns.first : 1;
    const int8_t *weights = layer->weights;

    for (int32_t channel = 0; channel < layer->output_channels; channel++) {
        const int8_t *group = image + channel / filters * channels;
        int32_t acc = layer->bias[channel];

        for (int32_t ky = rows.first; ky < rows.end; ky++) {
            const int32_t source_row = row + ky * layer->dilation_height;

            for (int32_t kx = columns.first; kx < columns.end; kx += joined) {
                const int32_t source_column = column + kx * layer->dilation_width;
                const int32_t source =
                    (source_row * layer->input_width + source_column) * layer->input_channels;
                const int32_t tap = (ky * layer->kernel_width + kx) * channels;

                acc += dot_product(group + source, weights + tap, joined * channels,
                                   layer->input_zero_point);
            }
        }
        acc = mcu_slm_requantize(acc, layer->multiplier[channel], layer->shift[channel]);
        output[channel] =
            mcu_slm_clamp_s8(acc + layer->output_zero_point, layer->act_min, layer->act_max);
        weights += layer->kernel_height * layer->kernel_width * channels;
    }
}

void mcu_slm_conv_2d_s8(const mcu_slm_conv_2d_t *layer, const int8_t *input, int8_t *output)
{
    const int32_t image_size = layer->input_height * layer->input_width * layer->input_channels;

    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t y = 0; y < layer->output_height; y++) {
            for (int32_t x = 0; x < layer->output_width; x++) {
                convolve_pixel(layer, input, y * layer->stride_height - layer->pad_top,
                               x * layer->stride_width - layer->pad_left, output);
                output += layer->output_channels;
            }
        }
        input += image_size;
    }
}
