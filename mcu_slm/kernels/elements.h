/* Integers of several widths in one loop: for layers at the edge of a network, where types change. */
#ifndef MCU_SLM_ELEMENTS_H
#define MCU_SLM_ELEMENTS_H

#include <stdint.h>

/* Real numbers (F32) only where a kernel says so: the functions below know integers. */
typedef enum { MCU_SLM_S8, MCU_SLM_U8, MCU_SLM_S16, MCU_SLM_S32, MCU_SLM_F32 } mcu_slm_type_t;

static inline int32_t mcu_slm_load(const void *values, mcu_slm_type_t type, int32_t i)
{
    switch (type) {
    case MCU_SLM_S8:
        return ((const int8_t *)values)[i];
    case MCU_SLM_U8:
        return ((const uint8_t *)values)[i];
    case MCU_SLM_S16:
        return ((const int16_t *)values)[i];
    default:
        return ((const int32_t *)values)[i];
    }
}

static inline int32_t mcu_slm_limit(int32_t value, int32_t low, int32_t high)
{
    if (value < low) {
        return low;
    }
    return value > high ? high : value;
}

/* Saturates. */
static inline void mcu_slm_store(void *values, mcu_slm_type_t type, int32_t i, int32_t value)
{
    switch (type) {
    case MCU_SLM_S8:
        ((int8_t *)values)[i] = (int8_t)mcu_slm_limit(value, INT8_MIN, INT8_MAX);
        break;
    case MCU_SLM_U8:
        ((uint8_t *)values)[i] = (uint8_t)mcu_slm_limit(value, 0, UINT8_MAX);
        break;
    case MCU_SLM_S16:
        ((int16_t *)values)[i] = (int16_t)mcu_slm_limit(value, INT16_MIN, INT16_MAX);
        break;
    default:
        ((int32_t *)values)[i] = value;
        break;
    }
}

#endif
