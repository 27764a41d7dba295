#ifndef MCU_SLM_LOGICAL_NOT_B8_H
#define MCU_SLM_LOGICAL_NOT_B8_H

#include <stdint.h>

/* Truth values are 0 and 1. */
void mcu_slm_logical_not_b8(int32_t count, const uint8_t *input, uint8_t *output);

#endif
