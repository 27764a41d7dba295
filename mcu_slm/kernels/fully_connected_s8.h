#ifndef MCU_SLM_FULLY_CONNECTED_S8_H
#define MCU_SLM_FULLY_CONNECTED_S8_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t inputs;
    int32_t outputs;
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t act_min;
    int32_t act_max;
    const int8_t *weights;     /* [outputs][inputs] */
    const int32_t *bias;       /* [outputs] */
    const int32_t *multiplier; /* [outputs] */
    const int8_t *shift;       /* [outputs] */
} mcu_slm_fully_connected_t;

/* input [rows][inputs], output [rows][outputs] */
void mcu_slm_fully_connected_s8(const mcu_slm_fully_connected_t *layer, const int8_t *input,
                                int8_t *output);

#endif
