#ifndef MCU_SLM_SELECT_S8_H
#define MCU_SLM_SELECT_S8_H

#include <stdint.h>

typedef struct {
    int32_t lengths[4];         /* nested loops, outermost first */
    int32_t condition_steps[4]; /* elements per loop; 0 where they are repeated */
    int32_t input1_steps[4];
    int32_t input2_steps[4];
} mcu_slm_select_t;

/* output: input1 where the condition is not 0, else input2. */
void mcu_slm_select_s8(const mcu_slm_select_t *layer, const uint8_t *condition,
                       const int8_t *input1, const int8_t *input2, int8_t *output);

#endif
