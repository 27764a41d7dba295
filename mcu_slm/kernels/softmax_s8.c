/* Softmax by table: exp depends only on the distance to the row's maximum, which has at most 256 values. */
#include "softmax_s8.h"

#include "softmax_share.h"

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
    const uint32_t half = 1U << (MCU_SLM_SUM_INTEGER_BITS - 1);
    uint32_t sum = 0;

#pragma GCC unroll 4
    for (int32_t i = 0; i < depth; i++) {
        sum += ((uint32_t)exponentials[x[i] - INT8_MIN] + half) >> MCU_SLM_SUM_INTEGER_BITS;
    }
    return sum;
}

static void write_s8(const int32_t *exponentials, const int8_t *x, int32_t depth, mcu_slm_share_t share, int8_t *y)
{
#pragma GCC unroll 4
    for (int32_t i = 0; i < depth; i++) {
        const uint32_t exponential = (uint32_t)exponentials[x[i] - INT8_MIN];

        y[i] = (int8_t)(mcu_slm_probability(exponential, share, 8) + INT8_MIN);
    }
}

static void write_s16(const int32_t *exponentials, const int8_t *x, int32_t depth, mcu_slm_share_t share, int16_t *y)
{
    for (int32_t i = 0; i < depth; i++) {
        const uint32_t exponential = (uint32_t)exponentials[x[i] - INT8_MIN];

        y[i] = (int16_t)(mcu_slm_probability(exponential, share, 16) + INT16_MIN);
    }
}

void mcu_slm_softmax_s8(const mcu_slm_softmax_t *layer, const int8_t *input, void *output)
{
    const int32_t depth = layer->depth;

    for (int32_t row = 0; row < layer->rows; row++) {
        const int8_t *x = input + row * depth;
        /* exp(x - maximum) is at x + 128. */
        const int32_t *exponentials = layer->exp_table + (INT8_MAX - maximum(x, depth));
        const uint32_t sum = sum_exponentials(exponentials, x, depth);
        const int32_t headroom = mcu_slm_leading_zeros(sum);
        const int32_t reciprocal = mcu_slm_one_over_one_plus_x((int32_t)((sum << headroom) - 0x80000000U));
        const mcu_slm_share_t share = mcu_slm_share_of(headroom, reciprocal, layer->output_bits);

        if (layer->output_bits == 8) {
            write_s8(exponentials, x, depth, share, (int8_t *)output + row * depth);
        } else {
            write_s16(exponentials, x, depth, share, (int16_t *)output + row * depth);
        }
    }
}
