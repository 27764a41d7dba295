/* Maxima over windows; elements outside the input are not seen. */
#include "max_pool_2d_s8.h"

/* The part of the image under a window: rows of pixels. */
typedef struct {
    int32_t offset; /* of its first element */
    int32_t rows;
    int32_t columns;
    int32_t row_step; /* elements */
} area_t;

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static area_t area_under(const mcu_slm_max_pool_2d_t *layer, int32_t y, int32_t x)
{
    const int32_t row = y * layer->stride_height - layer->pad_top;
    const int32_t column = x * layer->stride_width - layer->pad_left;
    const int32_t first_row = row > 0 ? row : 0;
    const int32_t first_column = column > 0 ? column : 0;
    area_t area = {
        (first_row * layer->input_width + first_column) * layer->channels,
        least(row + layer->kernel_height, layer->input_height) - first_row,
        least(column + layer->kernel_width, layer->input_width) - first_column,
        layer->input_width * layer->channels,
    };

    if (area.columns == layer->input_width) { /* whole rows lie one behind the other */
        area.columns *= area.rows;
        area.rows = 1;
    }
    return area;
}

static inline int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* The largest value of one channel in a part of the image. */
static int8_t maximum_one(const mcu_slm_max_pool_2d_t *layer, const int8_t *image, area_t area)
{
    int32_t largest = layer->act_min;

    for (int32_t row = 0; row < area.rows; row++) {
        const int8_t *x = image + row * area.row_step;

        for (int32_t column = area.columns; column > 0; column--) {
            largest = larger(*x, largest);
            x += layer->channels;
        }
    }
    return (int8_t)least(largest, layer->act_max);
}

/* The largest values of four channels side by side. */
static void maximum_four(const mcu_slm_max_pool_2d_t *layer, const int8_t *image, area_t area, int8_t *output)
{
    const int32_t channels = layer->channels;
    const int32_t act_max = layer->act_max;
    int32_t largest0 = layer->act_min;
    int32_t largest1 = largest0;
    int32_t largest2 = largest0;
    int32_t largest3 = largest0;

    for (int32_t row = 0; row < area.rows; row++) {
        const int8_t *x = image + row * area.row_step;

        for (int32_t column = area.columns; column > 0; column--) {
            largest0 = larger(x[0], largest0);
            largest1 = larger(x[1], largest1);
            largest2 = larger(x[2], largest2);
            largest3 = larger(x[3], largest3);
            x += channels;
        }
    }
    output[0] = (int8_t)least(largest0, act_max);
    output[1] = (int8_t)least(largest1, act_max);
    output[2] = (int8_t)least(largest2, act_max);
    output[3] = (int8_t)least(largest3, act_max);
}

void mcu_slm_max_pool_2d_s8(const mcu_slm_max_pool_2d_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t y = 0; y < layer->output_height; y++) {
            for (int32_t x = 0; x < layer->output_width; x++) {
                const area_t area = area_under(layer, y, x);
                const int8_t *image = input + area.offset;
                int32_t channel = 0;

                for (; channel + 4 <= layer->channels; channel += 4) {
                    maximum_four(layer, image + channel, area, output + channel);
                }
                for (; channel < layer->channels; channel++) {
                    output[channel] = maximum_one(layer, image + channel, area);
                }
                output += layer->channels;
            }
        }
        input += layer->input_height * layer->input_width * layer->channels;
    }
}
