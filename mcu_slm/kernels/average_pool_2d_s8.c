/* Averages over windows; elements outside the input are not counted. */
#include "average_pool_2d_s8.h"

#include "requantize.h"

/* The part of the image under a window. */
typedef struct {
    int32_t first_row;
    int32_t end_row;
    int32_t first_column;
    int32_t end_column;
} area_t;

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static area_t area_under(const mcu_slm_average_pool_2d_t *layer, int32_t y, int32_t x)
{
    const int32_t row = y * layer->stride_height - layer->pad_top;
    const int32_t column = x * layer->stride_width - layer->pad_left;
    const area_t area = {
        row > 0 ? row : 0,
        least(row + layer->kernel_height, layer->input_height),
        column > 0 ? column : 0,
        least(column + layer->kernel_width, layer->input_width),
    };

    return area;
}

/* The mean of one channel over a part of the image, halves away from zero. */
static int32_t average(const mcu_slm_average_pool_2d_t *layer, const int8_t *image, area_t area)
{
    const int32_t count = (area.end_row - area.first_row) * (area.end_column - area.first_column);
    int32_t sum = 0;

    for (int32_t row = area.first_row; row < area.end_row; row++) {
        for (int32_t column = area.first_column; column < area.end_column; column++) {
            sum += image[(row * layer->input_width + column) * layer->channels];
        }
    }
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

void mcu_slm_average_pool_2d_s8(const mcu_slm_average_pool_2d_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t y = 0; y < layer->output_height; y++) {
            for (int32_t x = 0; x < layer->output_width; x++) {
                const area_t area = area_under(layer, y, x);

                for (int32_t channel = 0; channel < layer->channels; channel++) {
                    const int32_t value = average(layer, input + channel, area);

                    *output++ = mcu_slm_clamp_s8(value, layer->act_min, layer->act_max);
                }
            }
        }
        input += layer->input_height * layer->input_width * layer->channels;
    }
}
