/* What the kernels of a recurrent layer share: the numbers of a layer's products. */
#ifndef DSP_LSTM_H
#define DSP_LSTM_H

#include <stdint.h>

/* The products of inputs or of hidden states for all gates. Rows come in pairs: input and forget gate, then cell and output gate, unit by
 * unit. The order of the weights is the kernel's, see its .c file. */
typedef struct {
    const uint32_t *weights;
    int32_t multiplier[4]; /* for input, forget, cell and output gate */
} mcu_slm_lstm_rows_t;

#endif
