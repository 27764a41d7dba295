/* Element-wise product of two tensors with broadcasting, for multipliers that shift right. */
#include "mul_short_s8.h"

#include "requantize.h"

static void multiply_row(const mcu_slm_mul_short_t *layer, const int8_t *x1, const int8_t *x2, int32_t count, int8_t *y)
{
    const int32_t twice_zero_point1 = layer->input1_twice_zero_point;
    const int32_t zero_point2 = layer->input2_zero_point;
    const int32_t multiplier = layer->multiplier;
    const int32_t addend = layer->addend;
    const int32_t right_shift = layer->right_shift;

#pragma GCC unroll 4
    for (int32_t i = 0; i < count; i++) {
        const int32_t doubled = (2 * x1[i] - twice_zero_point1) * (x2[i] - zero_point2);

        y[i] = mcu_slm_saturate_s8(mcu_slm_scale_down(doubled, multiplier, addend, right_shift));
    }
}

/* A row of input 1 and one value of input 2. */
static void multiply_value(const mcu_slm_mul_short_t *layer, const int8_t *x1, int32_t x2, int32_t count, int8_t *y)
{
    const int32_t factor = x2 - layer->input2_zero_point;
    const int32_t twice_factor = 2 * factor;
    const int32_t zero = factor * layer->input1_twice_zero_point;
    const int32_t multiplier = layer->multiplier;
    const int32_t addend = layer->addend;
    const int32_t right_shift = layer->right_shift;

    for (int32_t i = 0; i < count; i++) {
        const int32_t doubled = x1[i] * twice_factor - zero;

        y[i] = mcu_slm_saturate_s8(mcu_slm_scale_down(doubled, multiplier, addend, right_shift));
    }
}

void mcu_slm_mul_short_s8(const mcu_slm_mul_short_t *layer, const int8_t *input1, const int8_t *input2,
                          int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s1 = layer->steps1;
    const int32_t *s2 = layer->steps2;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                const int8_t *x1 = input1 + i * s1[0] + j * s1[1] + k * s1[2];
                const int8_t *x2 = input2 + i * s2[0] + j * s2[1] + k * s2[2];

                if (s2[3] != 0) {
                    multiply_row(layer, x1, x2, n[3], output);
                } else {
                    multiply_value(layer, x1, x2[0], n[3], output);
                }
                mcu_slm_clamp_row_s8(n[3], layer->act_min, layer->act_max, output);
                output += n[3];
            }
        }
    }
}
