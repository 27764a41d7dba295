#ifndef MCU_SLM_SOFTMAX_S8_H
#define MCU_SLM_SOFTMAX_S8_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth;
    const int32_t *exp_table; /* exp(-d * scale * beta) in Q0.31 for d = row maximum - x */
    int32_t exp_table_length; /* larger differences have probability 0 */
} mcu_slm_softmax_t;

/* input [rows][depth], output [rows][depth] at scale 1/256 and zero point -128 */
void mcu_slm_softmax_s8(const mcu_slm_softmax_t *layer, const int8_t *input, int8_t *output);

#endif
