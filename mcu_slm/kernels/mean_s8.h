#ifndef MCU_SLM_MEAN_S8_H
#define MCU_SLM_MEAN_S8_H

#include <stdint.h>

typedef struct {
    int32_t outer;
    int32_t count;
    int32_t inner;
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t multiplier; /* 1 / count is folded in */
    int32_t shift;
} mcu_slm_mean_t;

/* input [outer][count][inner], output [outer][inner] */
void mcu_slm_mean_s8(const mcu_slm_mean_t *layer, const int8_t *input, int8_t *output);

#endif
