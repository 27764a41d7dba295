#ifndef MCU_SLM_LSTM_S8_H
#define MCU_SLM_LSTM_S8_H

#include <stdint.h>

/* Brings the sums of one gate to Q3.12. */
typedef struct {
    int32_t input_multiplier;
    int32_t input_shift;
    int32_t hidden_multiplier;
    int32_t hidden_shift;
} mcu_slm_lstm_gate_t;

typedef struct {
    int32_t steps;
    int32_t batches;
    int32_t inputs;
    int32_t units;
    int32_t input_step; /* elements from one step to the next, and from one batch to the next */
    int32_t input_batch_step;
    int32_t output_step;
    int32_t output_batch_step;
    int32_t input_zero_point;
    int32_t hidden_zero_point;
    int32_t forget_cell_multiplier;
    int32_t forget_cell_shift;
    int32_t input_cell_multiplier;
    int32_t input_cell_shift;
    int32_t output_multiplier;
    int32_t output_shift;
    int32_t tanh_multiplier; /* brings the cell state to thirds of Q3.12 */
    int32_t tanh_shift;
    int32_t cell_clip;             /* 0: no clipping */
    const uint16_t *sigmoid_table; /* 65536 * sigmoid(i / 24), 256 entries */
    const int8_t *weights;         /* [units][inputs][gate]; gates: input, forget, cell, output */
    const int8_t *recurrent;       /* [units][units][gate] */
    const int32_t *bias;           /* [units][gate] */
    mcu_slm_lstm_gate_t gates[4];
} mcu_slm_lstm_t;

/* scratch: 3 * units bytes on an even address */
void mcu_slm_lstm_s8(const mcu_slm_lstm_t *layer, const int8_t *input, int8_t *output,
                     int8_t *scratch);

#endif
