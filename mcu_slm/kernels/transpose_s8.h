#ifndef MCU_SLM_TRANSPOSE_S8_H
#define MCU_SLM_TRANSPOSE_S8_H

#include <stdint.h>

typedef struct {
    int32_t lengths[5];     /* output axes, outermost first */
    int32_t input_steps[5]; /* elements of the input per step along each output axis */
} mcu_slm_transpose_t;

void mcu_slm_transpose_s8(const mcu_slm_transpose_t *layer, const int8_t *input, int8_t *output);

#endif
