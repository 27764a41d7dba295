/* Helpers of fixed-point Newton iterations. */
#ifndef MCU_SLM_FIXED_POINT_H
#define MCU_SLM_FIXED_POINT_H

#include <stdint.h>

#include "requantize.h"

/* value * 2^bits, limited to the range of int32. */
static inline int32_t mcu_slm_saturating_shift_left(int32_t value, int32_t bits)
{
    const int32_t limit = INT32_MAX >> bits;

    if (value > limit) {
        return INT32_MAX;
    }
    if (value < -limit - 1) {
        return INT32_MIN;
    }
    return (int32_t)((uint32_t)value << bits);
}

/* Leading zero bits of a value that is not 0. */
static inline int32_t mcu_slm_leading_zeros(uint32_t value)
{
#if defined(__ARM_FEATURE_CLZ)
    return __builtin_clz(value);
#else
    int32_t count = 0;

    for (int32_t step = 16; step > 0; step /= 2) {
        if (value >> (32 - step) == 0U) {
            value <<= step;
            count += step;
        }
    }
    return count;
#endif
}

/* addend + round(a * b / 2^32), ties up. */
static inline uint32_t mcu_slm_high_mul_add_unsigned(uint32_t addend, uint32_t a, uint32_t b)
{
    if (MCU_SLM_NARROW_MULTIPLIER) {
        const uint32_t middle1 = (a >> 16) * (b & 0xFFFFU);
        const uint32_t middle2 = (a & 0xFFFFU) * (b >> 16);
        const uint32_t low = (a & 0xFFFFU) * (b & 0xFFFFU) >> 16;
        const uint32_t carried = (low + (middle1 & 0xFFFFU) + (middle2 & 0xFFFFU) + 0x8000U) >> 16;

        return addend + (a >> 16) * (b >> 16) + (middle1 >> 16) + (middle2 >> 16) + carried;
    }
    const uint64_t start = (uint64_t)addend << 32 | 0x80000000U;

    return (uint32_t)((start + (uint64_t)a * b) >> 32);
}

/* 48/17 and -32/17 with two integer bits: the best linear start for the Newton steps below. */
#define MCU_SLM_NEWTON_OFFSET 1515870810
#define MCU_SLM_NEWTON_SLOPE (-1010580540)

/* 1 / (1 + x) for x in [0, 1), all in Q0.31. Doubled factors take the place of doubled products. The start is off by 1/17 at most,
 * so no step comes near the end of int32; only the result may. */
static inline int32_t mcu_slm_one_over_one_plus_x(int32_t x)
{
    const uint32_t denominator = ((uint32_t)x + 0x80000000U) & ~(uint32_t)1;
    int32_t y = mcu_slm_high_mul_add(MCU_SLM_NEWTON_OFFSET, (int32_t)(denominator >> 1),
                                     2 * MCU_SLM_NEWTON_SLOPE);

#pragma GCC unroll 3
    for (int32_t step = 0; step < 3; step++) {
        const int32_t product = (int32_t)mcu_slm_high_mul_add_unsigned(0, denominator, (uint32_t)y);
        const int32_t error = ((int32_t)1 << 29) - product;

        y += 4 * mcu_slm_high_mul_add(0, y, 2 * error);
    }
    return y > INT32_MAX / 2 ? INT32_MAX : 2 * y;
}

#endif
