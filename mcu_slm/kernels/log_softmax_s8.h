#ifndef MCU_SLM_LOG_SOFTMAX_S8_H
#define MCU_SLM_LOG_SOFTMAX_S8_H

#include <stdint.h>

typedef struct {
    int32_t rows;
    int32_t depth;
    const int32_t *exp_table; /* exp(-d * scale) in Q12.19 for d = row maximum - x */
    int32_t exp_table_length; /* larger differences add nothing */
    int32_t lowest_difference;
    int32_t multiplier; /* brings differences to Q5.26 */
    int32_t shift;
    int32_t inverse_multiplier; /* and back */
    int32_t inverse_shift;
} mcu_slm_log_softmax_t;

/* input [rows][depth], output [rows][depth] at scale 1/16 and zero point 127 */
void mcu_slm_log_softmax_s8(const mcu_slm_log_softmax_t *layer, const int8_t *input,
                            int8_t *output);

#endif
