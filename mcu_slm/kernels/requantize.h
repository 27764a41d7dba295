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

/* The 64 bits of a * b + round * 2^16 without the lowest 16. */
typedef struct {
    int32_t high;
    uint32_t low; /* 16 bits */
} mcu_slm_product_t;

static inline mcu_slm_product_t mcu_slm_product(int32_t a, int32_t b, uint32_t round)
{
    const uint32_t a_low = (uint32_t)a & 0xFFFFU;
    const uint32_t b_low = (uint32_t)b & 0xFFFFU;
    const int32_t middle1 = (a >> 16) * (int32_t)b_low;
    const int32_t middle2 = (int32_t)a_low * (b >> 16);
    const uint32_t low = (a_low * b_low >> 16) + ((uint32_t)middle1 & 0xFFFFU) + ((uint32_t)middle2 & 0xFFFFU) + round;
    const int32_t high = (a >> 16) * (b >> 16) + (middle1 >> 16) + (middle2 >> 16) + (int32_t)(low >> 16);
    const mcu_slm_product_t product = {high, low & 0xFFFFU};

    return product;
}

/* addend + round(a * b / 2^32), ties towards plus infinity. */
static inline int32_t mcu_slm_high_mul_add(int32_t addend, int32_t a, int32_t b)
{
    if (MCU_SLM_NARROW_MULTIPLIER) {
        return addend + mcu_slm_product(a, b, 0x8000U).high;
    }
    const int64_t start = (int64_t)((uint64_t)(uint32_t)addend << 32 | 0x80000000U);

    return (int32_t)((start + (int64_t)a * b) >> 32);
}

/* round(a * b / 2^31), ties towards plus infinity. Right shifts of negative numbers are arithmetic on every Arm compiler. */
static inline int32_t mcu_slm_doubling_high_mul(int32_t a, int32_t b)
{
    if (MCU_SLM_NARROW_MULTIPLIER) {
        const mcu_slm_product_t product = mcu_slm_product(a, b, 0x4000U);

        return (int32_t)((uint32_t)product.high << 1 | product.low >> 15);
    }
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* round(value / 2^exponent), ties away from zero; exponent 0 .. 31. */
static inline int32_t mcu_slm_rounding_shift_right(int32_t value, int32_t exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1U);
    const int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);

    return (value >> exponent) + ((value & mask) > threshold ? 1 : 0);
}

/* value * multiplier * 2^(shift - 31); multiplier is a Q0.31 mantissa, a positive shift is a left shift. */
static inline int32_t mcu_slm_requantize(int32_t value, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int32_t raised = (int32_t)((uint32_t)value << left);

    return mcu_slm_rounding_shift_right(mcu_slm_doubling_high_mul(raised, multiplier), right);
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
