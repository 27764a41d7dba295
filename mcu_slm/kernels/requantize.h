/* Requantisation: int32 accumulator -> int8, with the two roundings of TensorFlow Lite Micro. */
#ifndef MCU_SLM_REQUANTIZE_H
#define MCU_SLM_REQUANTIZE_H

#include <stdint.h>

/* Cores whose multiplier gives 32 bits: there, products of 64 bits would be calls, and are put together from four halves. */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#define MCU_SLM_NARROW_MULTIPLIER 1
#else
#define MCU_SLM_NARROW_MULTIPLIER 0
#endif

/* The 64 bits of a * b without the lowest 16, as 2^16 * high + low; both have a sign and 32 bits. */
typedef struct {
    int32_t high;
    int32_t low;
} mcu_slm_product_t;

/* No sum leaves 32 bits: a product of 16 by 16 bits, one of them signed, leaves room for 16 bits more. */
static inline mcu_slm_product_t mcu_slm_product(int32_t a, int32_t b)
{
    const int32_t a_low = a & 0xFFFF;
    const int32_t b_low = b & 0xFFFF;
    const int32_t a_high = (int16_t)((uint32_t)a >> 16);
    const int32_t b_high = (int16_t)((uint32_t)b >> 16);
    const int32_t lowest = (int32_t)((uint32_t)a_low * (uint32_t)b_low >> 16);
    const int32_t middle = a_high * b_low + lowest;
    const int32_t low = a_low * b_high + (middle & 0xFFFF);
    const int32_t high = a_high * b_high + (middle >> 16);
    const mcu_slm_product_t product = {high, low};

    return product;
}

/* addend + round(a * b / 2^32), ties towards plus infinity. */
static inline int32_t mcu_slm_high_mul_add(int32_t addend, int32_t a, int32_t b)
{
    if (MCU_SLM_NARROW_MULTIPLIER) {
        const mcu_slm_product_t product = mcu_slm_product(a, b);

        return addend + product.high + (((product.low >> 15) + 1) >> 1);
    }
    const int64_t start = (int64_t)((uint64_t)(uint32_t)addend << 32 | 0x80000000U);

    return (int32_t)((start + (int64_t)a * b) >> 32);
}

/* round(a * b / 2^31), ties towards plus infinity. Right shifts of negative numbers are arithmetic on every Arm compiler. */
static inline int32_t mcu_slm_doubling_high_mul(int32_t a, int32_t b)
{
    if (MCU_SLM_NARROW_MULTIPLIER) {
        const mcu_slm_product_t product = mcu_slm_product(a, b);

        return (int32_t)(((uint32_t)product.high << 1) + (uint32_t)(((product.low >> 14) + 1) >> 1));
    }
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* round(value / 2^exponent), ties away from zero; exponent 1 .. 31, value not INT32_MIN, which no scaled value is.
 * Negative values are made 1 less, so that ties may go up. */
static inline int32_t mcu_slm_rounding_shift_right(int32_t value, int32_t exponent)
{
    const int32_t lowered = (int32_t)((uint32_t)value - ((uint32_t)value >> 31));

    return ((lowered >> (exponent - 1)) + 1) >> 1;
}

/* value * multiplier * 2^(shift - 31); multiplier is a Q0.31 mantissa, a positive shift is a left shift. */
static inline int32_t mcu_slm_requantize(int32_t value, int32_t multiplier, int32_t shift)
{
    if (shift >= 0) {
        return mcu_slm_doubling_high_mul((int32_t)((uint32_t)value << shift), multiplier);
    }
    return mcu_slm_rounding_shift_right(mcu_slm_doubling_high_mul(value, multiplier), -shift);
}

/* mcu_slm_requantize(value, multiplier, -right_shift) + zero_point for right_shift 1 .. 22 and values below 2^30, of which
 * `doubled` is twice the value and addend = zero_point * 2^right_shift + 2^(right_shift - 1). Adding 1 less below zero is what
 * rounds ties away from zero; the cut of the first rounding carries over into the second one. */
static inline int32_t mcu_slm_scale_down(int32_t doubled, int32_t multiplier, int32_t addend,
                                         int32_t right_shift)
{
    const int32_t high = mcu_slm_high_mul_add(addend, doubled, multiplier);

    return (high - (doubled < 0 ? 1 : 0)) >> right_shift;
}

static inline int8_t mcu_slm_clamp_s8(int32_t value, int32_t act_min, int32_t act_max)
{
    value = value < act_min ? act_min : value;
    value = value > act_max ? act_max : value;
    return (int8_t)value;
}

/* The nearest int8: one instruction on cores that have it, which gcc does not find inside loops. */
static inline int8_t mcu_slm_saturate_s8(int32_t value)
{
#if defined(__ARM_FEATURE_SAT)
    return (int8_t)__builtin_arm_ssat(value, 8);
#else
    return mcu_slm_clamp_s8(value, INT8_MIN, INT8_MAX);
#endif
}

/* A fused activation that leaves less than the range of int8, after everything else. */
static inline void mcu_slm_clamp_row_s8(int32_t count, int32_t act_min, int32_t act_max, int8_t *row)
{
    if (act_min > INT8_MIN || act_max < INT8_MAX) {
        for (int32_t i = 0; i < count; i++) {
            row[i] = mcu_slm_clamp_s8(row[i], act_min, act_max);
        }
    }
}

#endif
