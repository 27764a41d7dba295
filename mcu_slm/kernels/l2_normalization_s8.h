#ifndef MCU_SLM_L2_NORMALIZATION_S8_H
#define MCU_SLM_L2_NORMALIZATION_S8_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t input_zero_point;
} mcu_slm_l2_normalization_t;

/* input [rows][depth], output [rows][depth] at scale 1/128 and zero point 0 */
void mcu_slm_l2_normalization_s8(const mcu_slm_l2_normalization_t *layer, const int8_t *input,
                                 int8_t *output);

#endif
