#ifndef MCU_SLM_ADD_SHORT_S8_H
#define MCU_SLM_ADD_SHORT_S8_H

#include "add_short.h"

void mcu_slm_add_short_s8(const mcu_slm_add_short_t *layer, const int8_t *input1, const int8_t *input2,
                          int8_t *output);

#endif
