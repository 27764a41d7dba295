#ifndef MCU_SLM_PAD_S8_H
#define MCU_SLM_PAD_S8_H

#include <stdint.h>

typedef struct {
    int32_t lengths[5];      /* input axes, outermost first */
    int32_t output_steps[5]; /* elements of the output per step along each of them */
    int32_t offset;          /* where the first input element goes */
    int32_t output_count;
    int32_t value;
} mcu_slm_pad_t;

void mcu_slm_pad_s8(const mcu_slm_pad_t *layer, const int8_t *input, int8_t *output);

#endif
