/* What the kernels of a recurrent layer share: the numbers of a layer's products, and the curve of its gates. */
#ifndef DSP_LSTM_H
#define DSP_LSTM_H

#include <stdint.h>

/* The products of inputs or of hidden states for all gates. Rows come in pairs: input and forget gate, then cell and output gate, unit by
 * unit. The order of the weights is the kernel's, see its .c file. */
typedef struct {
    const uint32_t *weights;
    int32_t multiplier[4]; /* for input, forget, cell and output gate */
} mcu_slm_lstm_rows_t;

/* Pieces of straight lines, both arrays from their middle: the pieces left of 0 have negative indices. For x in Q3.12
 * tanh(x) in Q0.15 = (curve[k] + x * rise[k]) >> 11 with k = 3 * x >> 8, limited to -256 .. 255,
 * sigmoid(x) in Q0.15 = (2 * curve[k] + 2^27 + 2^11 + x * rise[k]) >> 13 with k = 3 * x >> 9. */
typedef struct {
    const int32_t *curve;
    const int16_t *rise;
} mcu_slm_lstm_curve_t;

#endif
