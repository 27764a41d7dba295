/* Square of the difference of two tensors with broadcasting, for multipliers that shift right. Tables bring both operands to the
 * common scale with 7 extra bits, where they are below 2^14. */
#include "squared_difference_short_s8.h"

#include "requantize.h"

static void square_row(const mcu_slm_squared_difference_short_t *layer, const int8_t *x1, const int8_t *x2,
                       int32_t count, int8_t *y)
{
    const int16_t *terms1 = layer->terms1;
    const int16_t *terms2 = layer->terms2;
    const int32_t multiplier = layer->multiplier;
    const int32_t addend = layer->addend;
    const int32_t right_shift = layer->right_shift;

    for (int32_t i = 0; i < count; i++) {
        const int32_t difference = terms1[x1[i]] - terms2[x2[i]];
        const int32_t doubled = 2 * difference * difference;

        y[i] = mcu_slm_saturate_s8(mcu_slm_scale_down(doubled, multiplier, addend, right_shift));
    }
}

/* A row of input 1 and one value of input 2. */
static void square_value(const mcu_slm_squared_difference_short_t *layer, const int8_t *x1, int32_t x2, int32_t count,
                         int8_t *y)
{
    const int16_t *terms1 = layer->terms1;
    const int32_t term2 = layer->terms2[x2];
    const int32_t multiplier = layer->multiplier;
    const int32_t addend = layer->addend;
    const int32_t right_shift = layer->right_shift;

    for (int32_t i = 0; i < count; i++) {
        const int32_t difference = terms1[x1[i]] - term2;
        const int32_t doubled = 2 * difference * difference;

        y[i] = mcu_slm_saturate_s8(mcu_slm_scale_down(doubled, multiplier, addend, right_shift));
    }
}

void mcu_slm_squared_difference_short_s8(const mcu_slm_squared_difference_short_t *layer, const int8_t *input1,
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

                if (s2[3] != 0) {
                    square_row(layer, x1, x2, n[3], output);
                } else {
                    square_value(layer, x1, x2[0], n[3], output);
                }
                output += n[3];
            }
        }
    }
}
