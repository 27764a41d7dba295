#ifndef MCU_SLM_CUMSUM_S8_H
#define MCU_SLM_CUMSUM_S8_H

#include <stdint.h>

typedef struct {
    int32_t outer;     /* product of the axes before the one that is summed along */
    int32_t length;    /* of that axis */
    int32_t inner;     /* product of the axes behind it: elements between neighbours */
    int32_t exclusive; /* 1: without the element itself */
    int32_t reverse;   /* 1: from the end */
    int32_t input_zero_point;
    int32_t output_zero_point;
    int32_t multiplier;
    int32_t shift;
} mcu_slm_cumsum_t;

/* Sums start at -input_zero_point, as in TensorFlow Lite Micro. */
void mcu_slm_cumsum_s8(const mcu_slm_cumsum_t *layer, const int8_t *input, int8_t *output);

#endif
