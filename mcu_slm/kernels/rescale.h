#ifndef MCU_SLM_RESCALE_H
#define MCU_SLM_RESCALE_H

#include <stdint.h>

#include "elements.h"

typedef struct {
    int32_t count;
    mcu_slm_type_t input_type;
    mcu_slm_type_t output_type;
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t multiplier;
    int32_t shift;
} mcu_slm_rescale_t;

void mcu_slm_rescale(const mcu_slm_rescale_t *layer, const void *input, void *output);

#endif
