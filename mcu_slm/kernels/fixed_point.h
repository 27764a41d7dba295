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
    int32_t count = 0;

    while ((value & 0x80000000U) == 0U) {
        value <<= 1;
        count++;
    }
    return count;
}

/* 48/17 and -32/17 with two integer bits: the best linear start for the Newton steps below. */
#define MCU_SLM_NEWTON_OFFSET 1515870810
#define MCU_SLM_NEWTON_SLOPE (-1010580540)

/* 1 / (1 + x) for x in [0, 1), all in Q0.31. */
static inline int32_t mcu_slm_one_over_one_plus_x(int32_t x)
{
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) >> 1);
    int32_t y = MCU_SLM_NEWTON_OFFSET +
                mcu_slm_doubling_high_mul(half_denominator, MCU_SLM_NEWTON_SLOPE);

    for (int32_t step = 0; step < 3; step++) {
        const int32_t product = mcu_slm_doubling_high_mul(half_denominator, y);
        const int32_t error = ((int32_t)1 << 29) - product;

        y += mcu_slm_saturating_shift_left(mcu_slm_doubling_high_mul(y, error), 2);
    }
    return mcu_slm_saturating_shift_left(y, 1);
}

#endif
