/* Helpers of fixed-point Newton iterations. */
#ifndef MCU_SLM_FIXED_POINT_H
#define MCU_SLM_FIXED_POINT_H

#include <stdint.h>

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

#endif
