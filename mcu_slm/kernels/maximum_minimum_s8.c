/* The larger or the smaller of two elements, with broadcasting. */
#include "maximum_minimum_s8.h"

static void maximum_row(const int8_t *x1, const int8_t *x2, int32_t step2, int32_t count, int8_t *y)
{
#pragma GCC unroll 4
    for (int32_t i = 0; i < count; i++) {
        y[i] = x1[i] > *x2 ? x1[i] : *x2;
        x2 += step2;
    }
}

static void minimum_row(const int8_t *x1, const int8_t *x2, int32_t step2, int32_t count, int8_t *y)
{
#pragma GCC unroll 4
    for (int32_t i = 0; i < count; i++) {
        y[i] = x1[i] < *x2 ? x1[i] : *x2;
        x2 += step2;
    }
}

void mcu_slm_maximum_minimum_s8(const mcu_slm_maximum_minimum_t *layer, const int8_t *input1,
                                const int8_t *input2, int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s1 = layer->steps1;
    const int32_t *s2 = layer->steps2;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                const int8_t *x1 = input1 + i * s1[0] + j * s1[1] + k * s1[2];
                const int8_t *x2 = input2 + i * s2[0] + j * s2[1] + k * s2[2];

                if (layer->larger != 0) {
                    maximum_row(x1, x2, s2[3], n[3], output);
                } else {
                    minimum_row(x1, x2, s2[3], n[3], output);
                }
                output += n[3];
            }
        }
    }
}
