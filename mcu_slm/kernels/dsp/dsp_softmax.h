/* Softmax in int8, four values at a time. */
#ifndef DSP_SOFTMAX_H
#define DSP_SOFTMAX_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth;
    const int32_t *exp_table; /* [256]: exp((i - 255) * scale * beta) in Q0.31 */
} mcu_slm_dsp_softmax_t;

/* input and output [rows][depth]; probabilities in 1/256, less 128 */
void mcu_slm_dsp_softmax(const mcu_slm_dsp_softmax_t *layer, const int8_t *input, int8_t *output);

#endif
