#ifndef MCU_SLM_FULLY_CONNECTED_S8_H
#define MCU_SLM_FULLY_CONNECTED_S8_H

#include <stdint.h>

#include "sums.h"

typedef struct {
    int32_t rows;
    int32_t inputs;
    int32_t outputs;
    int32_t input_zero_point;
    const int8_t *weights; /* per block of outputs: [inputs][output] */
    const int32_t *bias;   /* [outputs] */
    mcu_slm_rescaling_t output;
} mcu_slm_fully_connected_t;

/* input [rows][inputs], output [rows][outputs] */
void mcu_slm_fully_connected_s8(const mcu_slm_fully_connected_t *layer, const int8_t *input,
                                int8_t *output);

#endif
