#ifndef MCU_SLM_MODEL_WEIGHTS_H
#define MCU_SLM_MODEL_WEIGHTS_H

#include <stdint.h>

extern const int8_t mcu_slm_standin_weights[3][24];

#define MCU_SLM_MODEL_CONSTANT_ARRAYS 1

struct mcu_slm_constants {
    const void *start;
    uint32_t byte_count;
};

extern const struct mcu_slm_constants mcu_slm_model_constants[MCU_SLM_MODEL_CONSTANT_ARRAYS];
extern const uint32_t mcu_slm_model_constants_crc32;

#endif
