/* What the kernels of a recurrent layer share. */
#ifndef DSP_LSTM_H
#define DSP_LSTM_H

#include <stdint.h>

/* The products of inputs for all gates. Rows come in pairs: input and forget gate, then cell and output gate, unit by unit. The order of the
 * weights is the kernel's, see its .c file. */
typedef struct {
    int32_t multiplier[4]; /* for input, forget, cell and output gate */
    const uint32_t *weights;
} mcu_slm_lstm_rows_t;

/* The same for hidden states, and the curve of sigmoid and tanh: pieces of straight lines, both arrays from their middle, so that the pieces left
 * of 0 have negative indices. For x in Q3.12
 * sigmoid(x) in Q0.15 = lower half of (curve[k] + x * rise[k]) >> 13 with k = 3 * x >> 9; the upper half is 2, for products with it,
 * tanh(x) in Q0.15 = ((curve[k] + 2 * x * rise[k] + 2^11) >> 12) - 294913 with k = 3 * x >> 8, limited to -256 .. 255. */
typedef struct {
    const int16_t *rise;
    const int32_t *curve;
    int32_t multiplier[4];
    const uint32_t *weights;
    int32_t numbers[5]; /* halves of what is added to a cell and kept of it, the output's offset and multiplier, -294913 */
} mcu_slm_lstm_steps_t;

/* Some steps, one behind the other, and where they go on from. */
typedef struct {
    int32_t steps;
    int32_t apart; /* from the end of a step's outputs to the next step's */
    uint32_t *state;
    const uint32_t *end; /* of the hidden state; 0 if no step came before: the state is the zero point then, which adds nothing */
    const uint32_t *gates;
    int8_t *output;
} mcu_slm_lstm_run_t;

#endif
