/* Softmax by table: exp depends only on the distance to the row's maximum, which has at most 256 values. */
#include "softmax_s8.h"

#include "fixed_point.h"

#define SUM_INTEGER_BITS 12 /* the sum of exponentials is held in Q12.19 */

/* How a row's exponentials become probabilities: round(round(scale * e / 2^32) / 2^shift). */
typedef struct {
    uint32_t scale;
    int32_t shift;
} share_t;

static int32_t maximum(const int8_t *x, int32_t depth)
{
    int32_t largest = INT8_MIN;

#pragma GCC unroll 4
    for (int32_t i = 0; i < depth; i++) {
        largest = x[i] > largest ? x[i] : largest;
    }
    return largest;
}

/* In Q12.19, at least 2^19: the maximum itself adds exp(0). */
static uint32_t sum_exponentials(const int32_t *exponentials, const int8_t *x, int32_t depth)
{
    const uint32_t half = 1U << (SUM_INTEGER_BITS - 1);
    uint32_t sum = 0;

#pragma GCC unroll 4
    for (int32_t i = 0; i < depth; i++) {
        sum += ((uint32_t)exponentials[x[i] - INT8_MIN] + half) >> SUM_INTEGER_BITS;
    }
    return sum;
}

static share_t share_of(uint32_t sum, int32_t output_bits)
{
    const int32_t headroom = mcu_slm_leading_zeros(sum);
    const uint32_t mantissa = (sum << headroom) - 0x80000000U;
    const int32_t reciprocal = mcu_slm_one_over_one_plus_x((int32_t)mantissa);
    const share_t share = {2U * (uint32_t)reciprocal, SUM_INTEGER_BITS - headroom + 31 - output_bits};
    const share_t nothing = {0, 31}; /* a shift of 32 and more leaves nothing of a Q0.31 number */

    return share.shift < 32 ? share : nothing;
}

/* 0 .. 2^output_bits - 1; what is rounded up to 2^output_bits is one step too much. */
static inline int32_t probability(uint32_t exponential, share_t share, int32_t output_bits)
{
    const uint32_t half = 1U << (share.shift - 1);
    const uint32_t scaled = mcu_slm_high_mul_add_unsigned(half, share.scale, exponential);
    const int32_t rounded = (int32_t)(scaled >> share.shift);

    return rounded - (rounded >> output_bits);
}

static void write_s8(const int32_t *exponentials, const int8_t *x, int32_t depth, share_t share, int8_t *y)
{
#pragma GCC unroll 4
    for (int32_t i = 0; i < depth; i++) {
        const uint32_t exponential = (uint32_t)exponentials[x[i] - INT8_MIN];

        y[i] = (int8_t)(probability(exponential, share, 8) + INT8_MIN);
    }
}

static void write_s16(const int32_t *exponentials, const int8_t *x, int32_t depth, share_t share, int16_t *y)
{
    for (int32_t i = 0; i < depth; i++) {
        const uint32_t exponential = (uint32_t)exponentials[x[i] - INT8_MIN];

        y[i] = (int16_t)(probability(exponential, share, 16) + INT16_MIN);
    }
}

void mcu_slm_softmax_s8(const mcu_slm_softmax_t *layer, const int8_t *input, void *output)
{
    const int32_t depth = layer->depth;

    for (int32_t row = 0; row < layer->rows; row++) {
        const int8_t *x = input + row * depth;
        /* exp(x - maximum) is at x + 128. */
        const int32_t *exponentials = layer->exp_table + (INT8_MAX - maximum(x, depth));
        const share_t share = share_of(sum_exponentials(exponentials, x, depth), layer->output_bits);

        if (layer->output_bits == 8) {
            write_s8(exponentials, x, depth, share, (int8_t *)output + row * depth);
        } else {
            write_s16(exponentials, x, depth, share, (int16_t *)output + row * depth);
        }
    }
}
