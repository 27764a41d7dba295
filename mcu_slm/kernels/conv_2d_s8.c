/* 2-D convolution. Padding has the value of the input's zero point, so taps outside the input add nothing and are skipped. */
#include "conv_2d_s8.h"

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

/* Where a window lies: its top left corner, and the taps inside the input. */
typedef struct {
    int32_t row;
    int32_t column;
    taps_t rows;
    taps_t columns;
} place_t;

static place_t place_of(const mcu_slm_conv_2d_t *layer, int32_t y, int32_t x)
{
    const int32_t row = y * layer->stride_height - layer->pad_top;
    const int32_t column = x * layer->stride_width - layer->pad_left;
    const place_t place = {
        row,
        column,
        taps_inside(row, layer->input_height, layer->kernel_height, layer->dilation_height),
        taps_inside(column, layer->input_width, layer->kernel_width, layer->dilation_width),
    };

    return place;
}

/* Adds the window's products to the sums of a block of filters; `image` points at the first channel of their group. */
static void add_window(const mcu_slm_conv_2d_t *layer, const place_t *place, const int8_t *image,
                       const int8_t *weights, int32_t *acc, int32_t size)
{
    const int32_t depth = layer->kernel_channels;
    /* Without dilation and groups the taps of a row lie side by side: one run instead of several. */
    const int32_t joined = layer->dilation_width == 1 && depth == layer->input_channels
                               ? place->columns.end - place->columns.first
                               : 1;
    const mcu_slm_rows_t rows = {
        place->rows.end - place->rows.first,
        joined * depth,
        layer->dilation_height * layer->input_width * layer->input_channels,
        layer->kernel_width * depth,
        layer->input_zero_point,
    };
    const int32_t row = place->row + place->rows.first * layer->dilation_height;

    for (int32_t kx = place->columns.first; kx < place->columns.end; kx += joined) {
        const int32_t column = place->column + kx * layer->dilation_width;
        const int32_t source = (row * layer->input_width + column) * layer->input_channels;
        const int32_t tap = (place->rows.first * layer->kernel_width + kx) * depth;

        mcu_slm_add_products(acc, size, &rows, image + source, weights + tap * size);
    }
}

/* One output pixel: all output channels, group by group, a block of filters at a time. */
static void convolve_pixel(const mcu_slm_conv_2d_t *layer, const place_t *place,
                           const int8_t *image, int8_t *output)
{
    const int32_t filter_size = layer->kernel_height * layer->kernel_width * layer->kernel_channels;
    const int32_t channels = layer->groups * layer->filters_per_group;
    const int8_t *weights = layer->weights;
    int32_t acc[MCU_SLM_BLOCK];

    for (int32_t group = 0; group < channels; group += layer->filters_per_group) {
        const int32_t end = group + layer->filters_per_group;

        for (int32_t first = group, size = 0; first < end; first += size) {
            size = mcu_slm_block_size(end, first);

            mcu_slm_start_block(acc, size, layer->bias + first);
            add_window(layer, place, image, weights, acc, size);
            mcu_slm_store_block(&layer->output, acc, first, size, output + first);
            weights += filter_size * size;
        }
        image += layer->kernel_channels;
    }
}

void mcu_slm_conv_2d_s8(const mcu_slm_conv_2d_t *layer, const int8_t *input, int8_t *output)
{
    const int32_t image_size = layer->input_height * layer->input_width * layer->input_channels;

    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t y = 0; y < layer->output_height; y++) {
            for (int32_t x = 0; x < layer->output_width; x++) {
                const place_t place = place_of(layer, y, x);

                convolve_pixel(layer, &place, input, output);
                output += layer->groups * layer->filters_per_group;
            }
        }
        input += image_size;
    }
}
