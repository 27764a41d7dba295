/* Softmax by table: exp depends only on the distance to the row's maximum, which has at most 256 values. */
#include "softmax_s8.h"

#include "fixed_point.h"
#include "requantize.h"

#define SUM_INTEGER_BITS 12 /* the sum of exponentials is held in Q12.19 */

void mcu_slm_softmax_s8(const mcu_slm_softmax_t *layer, const int8_t *input, void *output)
{
    const int32_t lowest = -((int32_t)1 << (layer->output_bits - 1));
    int32_t element = 0;

    for (int32_t row = 0; row < layer->rows; row++) {
        int32_t maximum = INT8_MIN;
        int32_t sum = 0; /* at least 2^19: the maximum itself adds exp(0) */

        for (int32_t i = 0; i < layer->depth; i++) {
            maximum = input[i] > maximum ? input[i] : maximum;
        }
        for (int32_t i = 0; i < layer->depth; i++) {
            const int32_t distance = maximum - input[i];

            if (distance < layer->exp_table_length) {
                sum += mcu_slm_rounding_shift_right(layer->exp_table[distance], SUM_INTEGER_BITS);
            }
        }
        const int32_t headroom = mcu_slm_leading_zeros((uint32_t)sum);
        const uint32_t mantissa = ((uint32_t)sum << headroom) - 0x80000000U;
        const int32_t reciprocal = mcu_slm_one_over_one_plus_x((int32_t)mantissa);
        const int32_t shift = SUM_INTEGER_BITS - headroom + 31 - layer->output_bits;

        for (int32_t i = 0; i < layer->depth; i++) {
            const int32_t distance = maximum - input[i];
            int32_t value = lowest;

            /* A shift of 32 and more: nothing of a Q0.31 number is left. */
            if (distance < layer->exp_table_length && shift < 32) {
                const int32_t scaled =
                    mcu_slm_doubling_high_mul(reciprocal, layer->exp_table[distance]);

                value += mcu_slm_rounding_shift_right(scaled, shift);
            }
            mcu_slm_store(output, layer->output_type, element, value);
            element++;
        }
        input += layer->depth;
    }
}
