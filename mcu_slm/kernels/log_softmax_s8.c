/* Logarithm of softmax: differences from the row's maximum, less the logarithm of their exponentials' sum. */
#include "log_softmax_s8.h"

#include "fixed_point.h"
#include "requantize.h"

#define SUM_INTEGER_BITS 12 /* the sum of exponentials is held in Q12.19 */
#define POWER_FRACTION_BITS 25
#define POWER_INTEGER_BITS 6
#define OUTPUT_SHIFT 22 /* from Q5.26 to sixteenths */

/* In Q0.31: sqrt(1/2), (1/2)^(1/4), log(2), and the coefficients of the rational approximation. */
#define SQRT_HALF 1518500250
#define FOURTH_ROOT_OF_HALF 1805811301
#define LOG_2 1488522236
#define ALPHA_N 117049297
#define ALPHA_D 127690142
#define ALPHA_I 1057819769
#define ALPHA_F 638450708

/* log of a mantissa r around (1/2)^(1/4) against that centre: Q0.31 -> Q6.25. */
static int32_t log_of_mantissa(int32_t r)
{
    const int32_t p = (int32_t)(((int64_t)r + FOURTH_ROOT_OF_HALF + 1) >> 1);
    const int32_t q = (r - FOURTH_ROOT_OF_HALF) * 2;
    const int32_t square = mcu_slm_doubling_high_mul(q, q);
    const int32_t cubic = mcu_slm_doubling_high_mul(mcu_slm_doubling_high_mul(q, square), ALPHA_N);
    const int32_t numerator = mcu_slm_doubling_high_mul(q, r) + cubic;
    const int32_t inner = ALPHA_I + q + mcu_slm_doubling_high_mul(ALPHA_D, square);
    const int32_t denominator =
        mcu_slm_doubling_high_mul(p, inner) + mcu_slm_doubling_high_mul(ALPHA_F, q);

    return mcu_slm_doubling_high_mul(mcu_slm_rounding_shift_right(numerator, POWER_INTEGER_BITS),
                                     mcu_slm_one_over_one_plus_x(denominator));
}

/* log(x) in Q5.26 for x >= 1 in Q12.19. Of two ways to split x, the smaller mantissa counts. */
static int32_t log_of_sum(int32_t x)
{
    const int32_t quarter = (int32_t)1 << (POWER_FRACTION_BITS - 2);
    const int32_t zeros_a = mcu_slm_leading_zeros((uint32_t)x);
    const int32_t raised = mcu_slm_saturating_shift_left(x, zeros_a - 1);
    const int32_t r_a =
        mcu_slm_saturating_shift_left(mcu_slm_doubling_high_mul(raised, SQRT_HALF), 1);
    const int32_t power_a =
        (SUM_INTEGER_BITS - zeros_a) * ((int32_t)1 << POWER_FRACTION_BITS) + quarter;
    const int32_t lowered = mcu_slm_doubling_high_mul(x, SQRT_HALF);
    const int32_t zeros_b = mcu_slm_leading_zeros((uint32_t)lowered) - 1;
    const int32_t r_b = mcu_slm_saturating_shift_left(x, zeros_b);
    const int32_t power_b =
        (SUM_INTEGER_BITS - zeros_b) * ((int32_t)1 << POWER_FRACTION_BITS) - quarter;
    const int32_t power = power_a > power_b ? power_a : power_b;
    const int32_t log =
        mcu_slm_doubling_high_mul(power, LOG_2) + log_of_mantissa(r_a < r_b ? r_a : r_b);

    return mcu_slm_saturating_shift_left(log, 1);
}

void mcu_slm_log_softmax_s8(const mcu_slm_log_softmax_t *layer, const int8_t *input,
                            int8_t *output)
{
    for (int32_t row = 0; row < layer->rows; row++) {
        int32_t maximum = INT8_MIN;
        int32_t sum = 0; /* at least 2^19: the maximum itself adds exp(0) */

        for (int32_t i = 0; i < layer->depth; i++) {
            maximum = input[i] > maximum ? input[i] : maximum;
        }
        for (int32_t i = 0; i < layer->depth; i++) {
            const int32_t distance = maximum - input[i];

            sum += distance < layer->exp_table_length ? layer->exp_table[distance] : 0;
        }
        const int32_t log_sum = log_of_sum(sum);
        /* Whatever lies further below would leave Q5.26 when the logarithm is subtracted. */
        const int32_t reach = (int32_t)((uint32_t)log_sum + 0x80000000U);
        int32_t limit = mcu_slm_requantize(reach, layer->inverse_multiplier, layer->inverse_shift);

        limit = limit > layer->lowest_difference - 1 ? limit : layer->lowest_difference - 1;
        for (int32_t i = 0; i < layer->depth; i++) {
            const int32_t difference = input[i] - maximum;
            int32_t value = INT8_MIN;

            if (difference > limit) {
                const int32_t scaled =
                    mcu_slm_requantize(difference, layer->multiplier, layer->shift) - log_sum;

                value = mcu_slm_rounding_shift_right(scaled, OUTPUT_SHIFT) + INT8_MAX;
            }
            output[i] = mcu_slm_clamp_s8(value, INT8_MIN, INT8_MAX);
        }
        input += layer->depth;
        output += layer->depth;
    }
}
