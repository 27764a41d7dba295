#ifndef MCU_SLM_ARG_EXTREMUM_S8_H
#define MCU_SLM_ARG_EXTREMUM_S8_H

#include <stdint.h>

typedef struct {
    int32_t outer;  /* product of the axes before the one that is searched */
    int32_t length; /* of that axis */
    int32_t inner;  /* product of the axes behind it: elements between neighbours */
    int32_t larger; /* 1: the largest, 0: the smallest */
} mcu_slm_arg_extremum_t;

/* input: [outer][length][inner], output: [outer][inner], 0 .. length - 1. */
void mcu_slm_arg_extremum_s8(const mcu_slm_arg_extremum_t *layer, const int8_t *input,
                             int32_t *output);

#endif
