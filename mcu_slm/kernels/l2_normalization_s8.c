/* Normalisation of every row to length 1, with an inverse square root by Newton steps. */
#include "l2_normalization_s8.h"

#include "fixed_point.h"
#include "requantize.h"

#define OUTPUT_SHIFT 7 /* output scale 1/128 */
#define HALF_SQRT_2 1518500250

typedef struct {
    int32_t multiplier;
    int32_t shift;
} scale_t;

/* 1 / sqrt(value) for value >= 0; 0 and 1 give the largest mantissa. Values are scaled by powers of 4 to [2^27, 2^29). */
static scale_t inverse_sqrt(int32_t value)
{
    scale_t result = {INT32_MAX, 0};
    int32_t shift = 11;

    if (value <= 1) {
        return result;
    }
    while (value >= ((int32_t)1 << 29)) {
        value /= 4;
        shift++;
    }
    const int32_t pairs = (mcu_slm_leading_zeros((uint32_t)value) - 1) / 2 - 1;

    shift -= pairs;
    value = (int32_t)((uint32_t)value << (2 * pairs));
    const int32_t half = mcu_slm_rounding_shift_right(value >> 1, 1);
    const int32_t three_halves = ((int32_t)1 << 28) + ((int32_t)1 << 27); /* three integer bits */
    int32_t x = (int32_t)1 << 28;

    for (int32_t step = 0; step < 5; step++) {
        const int32_t square = mcu_slm_doubling_high_mul(x, x);
        const int32_t cube = mcu_slm_saturating_shift_left(mcu_slm_doubling_high_mul(square, x), 6);

        x = mcu_slm_saturating_shift_left(mcu_slm_doubling_high_mul(three_halves, x) -
                                      mcu_slm_doubling_high_mul(half, cube),
                                  3);
    }
    result.multiplier = mcu_slm_doubling_high_mul(x, HALF_SQRT_2);
    if (shift < 0) {
        result.multiplier = (int32_t)((uint32_t)result.multiplier << -shift);
        shift = 0;
    }
    result.shift = -shift;
    return result;
}

void mcu_slm_l2_normalization_s8(const mcu_slm_l2_normalization_t *layer, const int8_t *input,
                                 int8_t *output)
{
    for (int32_t row = 0; row < layer->rows; row++) {
        int32_t sum = 0;

        for (int32_t i = 0; i < layer->depth; i++) {
            const int32_t x = input[i] - layer->input_zero_point;

            sum += x * x;
        }
        const scale_t scale = inverse_sqrt(sum);

        for (int32_t i = 0; i < layer->depth; i++) {
            const int32_t x = input[i] - layer->input_zero_point;
            const int32_t y = mcu_slm_requantize(x, scale.multiplier, scale.shift + OUTPUT_SHIFT);

            output[i] = mcu_slm_saturate_s8(y);
        }
        input += layer->depth;
        output += layer->depth;
    }
}
