#ifndef MCU_SLM_ADD_N_S8_H
#define MCU_SLM_ADD_N_S8_H

#include <stdint.h>

typedef struct {
    int32_t operands;
    int32_t count; /* elements of each */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t multiplier;
    int32_t shift;
} mcu_slm_add_n_t;

/* inputs: `operands` tensors. The sum starts at -input_zero_point, as in TensorFlow Lite Micro. */
void mcu_slm_add_n_s8(const mcu_slm_add_n_t *layer, const int8_t *const *inputs, int8_t *output);

#endif
