/* What a sum or difference of two tensors in one shift needs: for add_short_s8, and for the kernels made for a shift. */
#ifndef MCU_SLM_ADD_SHORT_H
#define MCU_SLM_ADD_SHORT_H

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

#endif
