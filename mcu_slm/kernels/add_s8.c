/* Sum or difference of two tensors with broadcasting, at a common scale with 20 extra bits. Both operands are brought there by
 * tables; only the sum is requantised at run time. */
#include "add_s8.h"

#include "requantize.h"

static void add_row(const mcu_slm_add_t *layer, const int8_t *x1, const int8_t *x2, int32_t count, int8_t *y)
{
    const int32_t *terms1 = layer->terms1;
    const int32_t *terms2 = layer->terms2;
    const int32_t step2 = layer->steps2[3];
    const int32_t multiplier = layer->multiplier;
    const int32_t right_shift = layer->right_shift;
    const int32_t zero_point = layer->output_zero_point;
    const int32_t act_min = layer->act_min;
    const int32_t act_max = layer->act_max;

    for (int32_t i = 0; i < count; i++) {
        const int32_t sum =
            mcu_slm_requantize(terms1[x1[i]] + terms2[*x2], multiplier, -right_shift);

        y[i] = mcu_slm_clamp_s8(sum + zero_point, act_min, act_max);
        x2 += step2;
    }
}

void mcu_slm_add_s8(const mcu_slm_add_t *layer, const int8_t *input1, const int8_t *input2,
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

                add_row(layer, x1, x2, n[3], output);
                output += n[3];
            }
        }
    }
}
