#ifndef MCU_SLM_DEQUANTIZE_F32_H
#define MCU_SLM_DEQUANTIZE_F32_H

#include <stdint.h>

#include "elements.h"

typedef struct {
    int32_t count;
    mcu_slm_type_t input_type; /* at most 16 bits */
    int32_t zero_point;
    float scale;
} mcu_slm_dequantize_t;

void mcu_slm_dequantize_f32(const mcu_slm_dequantize_t *layer, const void *input, float *output);

#endif
