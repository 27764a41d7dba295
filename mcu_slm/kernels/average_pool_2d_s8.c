/* Averages over windows; elements outside the input are not counted. */
#include "average_pool_2d_s8.h"

#include "requantize.h"

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

static area_t area_under(const mcu_slm_average_pool_2d_t *layer, int32_t y, int32_t x)
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

/* The mean, halves away from zero, after the activation. */
static int8_t divided(const mcu_slm_average_pool_2d_t *layer, int32_t sum, int32_t count)
{
    const int32_t mean = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;

    return mcu_slm_clamp_s8(mean, layer->act_min, layer->act_max);
}

/* The mean of one channel over a part of the image. */
static int8_t average_one(const mcu_slm_average_pool_2d_t *layer, const int8_t *image, area_t area)
{
    int32_t sum = 0;

    for (int32_t row = 0; row < area.rows; row++) {
        const int8_t *x = image + row * area.row_step;

        for (int32_t column = area.columns; column > 0; column--) {
            sum += *x;
            x += layer->channels;
        }
    }
    return divided(layer, sum, area.rows * area.columns);
}

/* The means of four channels side by side. */
static void average_four(const mcu_slm_average_pool_2d_t *layer, const int8_t *image, area_t area, int8_t *output)
{
    const int32_t count = area.rows * area.columns;
    const int32_t channels = layer->channels;
    int32_t sum0 = 0;
    int32_t sum1 = 0;
    int32_t sum2 = 0;
    int32_t sum3 = 0;

    for (int32_t row = 0; row < area.rows; row++) {
        const int8_t *x = image + row * area.row_step;

        for (int32_t column = area.columns; column > 0; column--) {
            sum0 += x[0];
            sum1 += x[1];
            sum2 += x[2];
            sum3 += x[3];
            x += channels;
        }
    }
    output[0] = divided(layer, sum0, count);
    output[1] = divided(layer, sum1, count);
    output[2] = divided(layer, sum2, count);
    output[3] = divided(layer, sum3, count);
}

void mcu_slm_average_pool_2d_s8(const mcu_slm_average_pool_2d_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t y = 0; y < layer->output_height; y++) {
            for (int32_t x = 0; x < layer->output_width; x++) {
                const area_t area = area_under(layer, y, x);
                const int8_t *image = input + area.offset;
                int32_t channel = 0;

                for (; channel + 4 <= layer->channels; channel += 4) {
                    average_four(layer, image + channel, area, output + channel);
                }
                for (; channel < layer->channels; channel++) {
                    output[channel] = average_one(layer, image + channel, area);
                }
                output += layer->channels;
            }
        }
        input += layer->input_height * layer->input_width * layer->channels;
    }
}
