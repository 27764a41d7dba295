/* Sum or mean over any axes. */
#include "sum_s8.h"

#include "requantize.h"

static int8_t sum_one(const mcu_slm_sum_t *layer, const int8_t *input)
{
    const int32_t *n = layer->reduced_lengths;
    const int32_t *step = layer->reduced_steps;
    int32_t acc = layer->bias;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            const int8_t *x = input + i * step[0] + j * step[1];

            for (int32_t k = 0; k < n[2]; k++) {
                acc += x[k * step[2]];
            }
        }
    }
    acc = mcu_slm_requantize(acc, layer->multiplier, layer->shift);
    return mcu_slm_clamp_s8(acc + layer->output_zero_point, INT8_MIN, INT8_MAX);
}

void mcu_slm_sum_s8(const mcu_slm_sum_t *layer, const int8_t *input, int8_t *output)
{
    const int32_t *n = layer->kept_lengths;
    const int32_t *step = layer->kept_steps;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                *output++ = sum_one(layer, input + i * step[0] + j * step[1] + k * step[2]);
            }
        }
    }
}
