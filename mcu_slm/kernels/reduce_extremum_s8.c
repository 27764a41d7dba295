/* The largest or the smallest element over any axes. */
#include "reduce_extremum_s8.h"

static int32_t extremum_of_run(int32_t larger, int32_t best, const int8_t *x, int32_t count, int32_t step)
{
    if (larger != 0) {
#pragma GCC unroll 4
        for (int32_t i = 0; i < count; i++) {
            best = *x > best ? *x : best;
            x += step;
        }
    } else {
#pragma GCC unroll 4
        for (int32_t i = 0; i < count; i++) {
            best = *x < best ? *x : best;
            x += step;
        }
    }
    return best;
}

static int8_t extremum_one(const mcu_slm_reduce_extremum_t *layer, const int8_t *input)
{
    const int32_t *n = layer->reduced_lengths;
    const int32_t *step = layer->reduced_steps;
    int32_t best = input[0];

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            const int8_t *x = input + i * step[0] + j * step[1];

            best = extremum_of_run(layer->larger, best, x, n[2], step[2]);
        }
    }
    return (int8_t)best;
}

void mcu_slm_reduce_extremum_s8(const mcu_slm_reduce_extremum_t *layer, const int8_t *input,
                                int8_t *output)
{
    const int32_t *n = layer->kept_lengths;
    const int32_t *step = layer->kept_steps;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                *output++ = extremum_one(layer, input + i * step[0] + j * step[1] + k * step[2]);
            }
        }
    }
}
