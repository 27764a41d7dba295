#ifndef MCU_SLM_LOGICAL_B8_H
#define MCU_SLM_LOGICAL_B8_H

#include <stdint.h>

typedef struct {
    int32_t lengths[4]; /* nested loops, outermost first */
    int32_t steps1[4];  /* elements of input 1 per loop; 0 where it is repeated */
    int32_t steps2[4];
    int32_t either; /* 1: one of both is enough, 0: both */
} mcu_slm_logical_t;

/* Truth values are 0 and 1. */
void mcu_slm_logical_b8(const mcu_slm_logical_t *layer, const uint8_t *input1,
                        const uint8_t *input2, uint8_t *output);

#endif
