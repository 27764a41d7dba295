#ifndef MCU_SLM_ADD_SHORT_S8_H
#define MCU_SLM_ADD_SHORT_S8_H

#include <stdint.h>

typedef struct {
    int32_t lengths[4]; /* nested loops, outermost first */
    int32_t steps1[4];  /* elements of input 1 per loop, 1 in the innermost */
    int32_t steps2[4];  /* elements of input 2 per loop; 0 where it is repeated */
    int32_t multiplier1;
    int32_t multiplier2;
    int32_t addend;
    int32_t shift; /* to the right */
    int32_t act_min;
    int32_t act_max;
} mcu_slm_add_short_t;

void mcu_slm_add_short_s8(const mcu_slm_add_short_t *layer, const int8_t *input1, const int8_t *input2,
                          int8_t *output);

#endif
