/* What kernels of SOFTMAX share: how the sum of a row's exponentials makes them probabilities. */
#ifndef MCU_SLM_SOFTMAX_SHARE_H
#define MCU_SLM_SOFTMAX_SHARE_H

#include "fixed_point.h"

#define MCU_SLM_SUM_INTEGER_BITS 12 /* the sum of exponentials is held in Q12.19 */

/* How a row's exponentials become probabilities: round(round(scale * e / 2^32) / 2^shift). */
typedef struct {
    uint32_t scale;
    int32_t shift;
} mcu_slm_share_t;

/* For a sum of exponentials with `headroom` leading zeros, whose other bits are the mantissa 1 + x: the reciprocal is 1 / (1 + x). */
static inline mcu_slm_share_t mcu_slm_share_of(int32_t headroom, int32_t reciprocal, int32_t output_bits)
{
    const mcu_slm_share_t share = {2U * (uint32_t)reciprocal,
                                   MCU_SLM_SUM_INTEGER_BITS - headroom + 31 - output_bits};
    const mcu_slm_share_t nothing = {0, 31}; /* a shift of 32 and more leaves nothing of a Q0.31 number */

    return share.shift < 32 ? share : nothing;
}

/* 0 .. 2^output_bits - 1; what is rounded up to 2^output_bits is one step too much. */
static inline int32_t mcu_slm_probability(uint32_t exponential, mcu_slm_share_t share, int32_t output_bits)
{
    const uint32_t half = 1U << (share.shift - 1);
    const uint32_t scaled = mcu_slm_high_mul_add_unsigned(half, share.scale, exponential);
    const int32_t rounded = (int32_t)(scaled >> share.shift);

    return rounded - (rounded >> output_bits);
}

#endif
