/* Requantisation: int32 accumulator -> int8, with the two roundings of TensorFlow Lite Micro. */
#ifndef MCU_SLM_REQUANTIZE_H
#define MCU_SLM_REQUANTIZE_H

#include <stdint.h>

/* round(a * b / 2^31), ties towards plus infinity. Right shifts of negative numbers are arithmetic on every Arm compiler. */
static inline int32_t mcu_slm_doubling_high_mul(int32_t a, int32_t b)
{
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

#endif
