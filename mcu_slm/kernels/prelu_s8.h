#ifndef MCU_SLM_PRELU_S8_H
#define MCU_SLM_PRELU_S8_H

#include <stdint.h>

typedef struct {
    int32_t lengths[4]; /* nested loops, outermost first */
    int32_t steps1[4];  /* elements of the input per loop; 0 where it is repeated */
    int32_t steps2[4];  /* of alpha */
    int32_t input_zero_point;
    int32_t alpha_zero_point;
    int32_t output_zero_point;
    const int8_t *identity; /* identity[-128] .. identity[127]: outputs for inputs from zero on */
    int32_t slope_multiplier; /* of the product, below zero */
    int32_t slope_shift;
} mcu_slm_prelu_t;

void mcu_slm_prelu_s8(const mcu_slm_prelu_t *layer, const int8_t *input, const int8_t *alpha,
                      int8_t *output);

#endif
