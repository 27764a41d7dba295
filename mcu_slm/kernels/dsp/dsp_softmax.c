/* Softmax by table, as softmax_s8.c, four values at a time.
 *
 * Half a step and the exponential e times the row's scale, rounded, is one SMMLAR: the scale, 2^31 or more, is taken as the negative number
 * scale - 2^32, and e * 2^32, which that lacks, is e more in the sum. Sums wrap modulo 2^32, the result fits.
 */
#include "dsp_softmax.h"

#include "dsp_instructions.h"
#include "softmax_share.h"

static int32_t maximum(const int8_t *x, int32_t depth)
{
    const int8_t *whole = x + depth / 4 * 4;
    uint32_t most = 0x80808080U;
    int32_t largest;

    for (; x != whole; x += 4) {
        most = mcu_slm_largest_bytes(most, mcu_slm_load_word(x));
    }
    most = mcu_slm_largest_bytes(most, most >> 16);
    most = mcu_slm_largest_bytes(most, most >> 8);
    largest = (int8_t)most;
    for (int32_t left = depth % 4; left > 0; left--) {
        largest = *x > largest ? *x : largest;
        x++;
    }
    return largest;
}

/* An exponential in Q12.19, rounded. */
static inline uint32_t rounded(int32_t exponential)
{
    return ((uint32_t)exponential + (1U << (MCU_SLM_SUM_INTEGER_BITS - 1))) >> MCU_SLM_SUM_INTEGER_BITS;
}

/* In Q12.19; exponentials[x] for x in -128 .. 127. */
static uint32_t sum_exponentials(const int32_t *exponentials, const int8_t *x, int32_t depth)
{
    const int8_t *whole = x + depth / 4 * 4;
    uint32_t sum = 0;

    for (; x != whole; x += 4) {
        const uint32_t word = mcu_slm_load_word(x);

        sum += rounded(exponentials[(int8_t)word]);
        sum += rounded(exponentials[(int8_t)(word >> 8)]);
        sum += rounded(exponentials[(int8_t)(word >> 16)]);
        sum += rounded(exponentials[(int8_t)(word >> 24)]);
    }
    for (int32_t left = depth % 4; left > 0; left--) {
        sum += rounded(exponentials[*x++]);
    }
    return sum;
}

/* 1 / (1 + x) for a mantissa of 1 + x in Q1.31, as mcu_slm_one_over_one_plus_x, whose products of an unsigned denominator are taken apart
 * as above. */
static int32_t reciprocal(uint32_t mantissa)
{
    const uint32_t denominator = mantissa & ~(uint32_t)1;
    int32_t y = mcu_slm_smmlar((int32_t)(denominator >> 1), 2 * MCU_SLM_NEWTON_SLOPE, MCU_SLM_NEWTON_OFFSET);

#pragma GCC unroll 3
    for (int32_t step = 0; step < 3; step++) {
        const int32_t error = ((int32_t)1 << 29) - mcu_slm_smmlar(y, (int32_t)denominator, y);

        y += 4 * mcu_slm_smmlar(y, 2 * error, 0);
    }
    return y > INT32_MAX / 2 ? INT32_MAX : 2 * y;
}

/* 0 .. 255; the scale's upper bit is set. */
static inline uint32_t probability(int32_t exponential, mcu_slm_share_t share, uint32_t half)
{
    const int32_t addend = (int32_t)(half + (uint32_t)exponential);
    const uint32_t scaled = (uint32_t)mcu_slm_smmlar(exponential, (int32_t)share.scale, addend);
    const uint32_t steps = scaled >> share.shift;

    return steps - (steps >> 8);
}

/* Whole fours of a row. */
static void write_fours(const int32_t *exponentials, const int8_t *x, int32_t fours,
                        mcu_slm_share_t share, int8_t *y)
{
    const uint32_t half = 1U << (share.shift - 1);

    for (; fours > 0; fours--) {
        const uint32_t word = mcu_slm_load_word(x);
        uint32_t four = probability(exponentials[(int8_t)word], share, half);

        four |= probability(exponentials[(int8_t)(word >> 8)], share, half) << 8;
        four |= probability(exponentials[(int8_t)(word >> 16)], share, half) << 16;
        four |= probability(exponentials[(int8_t)(word >> 24)], share, half) << 24;
        mcu_slm_store_word(y, four ^ 0x80808080U);
        x += 4;
        y += 4;
    }
}

void mcu_slm_dsp_softmax(const mcu_slm_dsp_softmax_t *layer, const int8_t *input, int8_t *output)
{
    const int32_t depth = layer->depth;

    for (int32_t row = 0; row < layer->rows; row++) {
        /* exp(x - maximum) */
        const int32_t *exponentials = layer->exp_table + (255 - maximum(input, depth));
        const uint32_t sum = sum_exponentials(exponentials, input, depth);
        const int32_t headroom = mcu_slm_leading_zeros(sum);
        const mcu_slm_share_t share = mcu_slm_share_of(headroom, reciprocal(sum << headroom), 8);
        const int32_t fours = share.scale >> 31 != 0 ? depth / 4 : 0;

        write_fours(exponentials, input, fours, share, output);
        for (int32_t i = 4 * fours; i < depth; i++) {
            const uint32_t exponential = (uint32_t)exponentials[input[i]];

            output[i] = (int8_t)(mcu_slm_probability(exponential, share, 8) + INT8_MIN);
        }
        input += depth;
        output += depth;
    }
}
