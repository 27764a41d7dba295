#ifndef MCU_SLM_REDUCE_EXTREMUM_S8_H
#define MCU_SLM_REDUCE_EXTREMUM_S8_H

#include <stdint.h>

typedef struct {
    int32_t kept_lengths[3]; /* nested loops over the outputs, outermost first */
    int32_t kept_steps[3];   /* elements of the input per loop */
    int32_t reduced_lengths[3];
    int32_t reduced_steps[3];
    int32_t larger; /* 1: maximum, 0: minimum */
} mcu_slm_reduce_extremum_t;

void mcu_slm_reduce_extremum_s8(const mcu_slm_reduce_extremum_t *layer, const int8_t *input,
                                int8_t *output);

#endif
