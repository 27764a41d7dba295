#ifndef MCU_SLM_MUL_SHORT_S8_H
#define MCU_SLM_MUL_SHORT_S8_H

#include <stdint.h>

typedef struct {
    int32_t lengths[4]; /* nested loops, outermost first */
    int32_t steps1[4];  /* elements of input 1 per loop, 1 in the innermost */
    int32_t steps2[4];  /* elements of input 2 per loop; 0 where it is repeated */
    int32_t input1_twice_zero_point;
    int32_t input2_zero_point;
    int32_t multiplier;
    int32_t addend; /* zero point of the output and one half, before the last shift */
    int32_t right_shift;
    int32_t act_min;
    int32_t act_max;
} mcu_slm_mul_short_t;

void mcu_slm_mul_short_s8(const mcu_slm_mul_short_t *layer, const int8_t *input1, const int8_t *input2,
                          int8_t *output);

#endif
