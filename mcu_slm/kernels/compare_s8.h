#ifndef MCU_SLM_COMPARE_S8_H
#define MCU_SLM_COMPARE_S8_H

#include <stdint.h>

typedef enum {
    MCU_SLM_EQUAL,
    MCU_SLM_NOT_EQUAL,
    MCU_SLM_GREATER,
    MCU_SLM_GREATER_EQUAL,
    MCU_SLM_LESS,
    MCU_SLM_LESS_EQUAL
} mcu_slm_relation_t;

typedef struct {
    int32_t lengths[4]; /* nested loops, outermost first */
    int32_t steps1[4];  /* elements of input 1 per loop; 0 where it is repeated */
    int32_t steps2[4];
    mcu_slm_relation_t relation;
    int32_t input1_zero_point;
    int32_t input1_multiplier;
    int32_t input1_shift;
    int32_t input2_zero_point;
    int32_t input2_multiplier;
    int32_t input2_shift;
} mcu_slm_compare_t;

/* output: 1 where the relation holds, else 0. */
void mcu_slm_compare_s8(const mcu_slm_compare_t *layer, const int8_t *input1, const int8_t *input2,
                        uint8_t *output);

#endif
