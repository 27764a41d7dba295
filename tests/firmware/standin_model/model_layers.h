#ifndef MCU_SLM_MODEL_LAYERS_H
#define MCU_SLM_MODEL_LAYERS_H

#include <stdint.h>

#include "model.h"

extern int8_t mcu_slm_arena[MCU_SLM_MODEL_ARENA_BYTES];

void mcu_slm_layer_00_weighted(void);
void mcu_slm_layer_01_scale(void);

#endif
