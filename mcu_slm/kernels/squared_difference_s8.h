#ifndef MCU_SLM_SQUARED_DIFFERENCE_S8_H
#define MCU_SLM_SQUARED_DIFFERENCE_S8_H

#include <stdint.h>

typedef struct {
    int32_t lengths[4]; /* nested loops, outermost first */
    int32_t steps1[4];  /* elements of input 1 per loop; 0 where it is repeated */
    int32_t steps2[4];
    int32_t input1_zero_point;
    int32_t input2_zero_point;
    int32_t output_zero_point;
    int32_t input1_multiplier;
    int32_t input1_shift;
    int32_t input2_multiplier;
    int32_t input2_shift;
    int32_t output_multiplier;
    int32_t output_shift;
} mcu_slm_squared_difference_t;

void mcu_slm_squared_difference_s8(const mcu_slm_squared_difference_t *layer, const int8_t *input1,
                                   const int8_t *input2, int8_t *output);

#endif
