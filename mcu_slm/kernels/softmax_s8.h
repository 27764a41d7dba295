#ifndef MCU_SLM_SOFTMAX_S8_H
#define MCU_SLM_SOFTMAX_S8_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth;
    const int32_t *exp_table; /* [256]: exp((i - 255) * scale * beta) in Q0.31 */
    int32_t output_bits;      /* 8: int8, probabilities in 1/256; 16: int16, in 1/65536 */
} mcu_slm_softmax_t;

/* input [rows][depth]; output [rows][depth], the lowest value of its type for probability 0 */
void mcu_slm_softmax_s8(const mcu_slm_softmax_t *layer, const int8_t *input, void *output);

#endif
