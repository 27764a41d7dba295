#ifndef MCU_SLM_MAXIMUM_MINIMUM_S8_H
#define MCU_SLM_MAXIMUM_MINIMUM_S8_H

#include <stdint.h>

typedef struct {
    int32_t lengths[4]; /* nested loops, outermost first */
    int32_t steps1[4];  /* elements of input 1 per loop, 1 in the innermost */
    int32_t steps2[4];  /* elements of input 2 per loop; 0 where it is repeated */
    int32_t larger; /* 1: maximum, 0: minimum */
} mcu_slm_maximum_minimum_t;

void mcu_slm_maximum_minimum_s8(const mcu_slm_maximum_minimum_t *layer, const int8_t *input1,
                                const int8_t *input2, int8_t *output);

#endif
