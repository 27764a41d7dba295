#ifndef MCU_SLM_SUM_S8_H
#define MCU_SLM_SUM_S8_H

#include <stdint.h>

typedef struct {
    int32_t kept_lengths[3]; /* nested loops over the outputs, outermost first */
    int32_t kept_steps[3];   /* elements of the input per loop */
    int32_t reduced_lengths[3];
    int32_t reduced_steps[3];
    int32_t bias; /* what the input zero points of one sum add up to, negated */
    int32_t output_zero_point;
    int32_t multiplier; /* of a mean: 1 / count is folded in */
    int32_t shift;
} mcu_slm_sum_t;

void mcu_slm_sum_s8(const mcu_slm_sum_t *layer, const int8_t *input, int8_t *output);

#endif
