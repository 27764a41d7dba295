#ifndef MCU_SLM_MIRROR_PAD_S8_H
#define MCU_SLM_MIRROR_PAD_S8_H

#include <stdint.h>

typedef struct {
    int32_t input_lengths[5]; /* axes, outermost first */
    int32_t output_lengths[5];
    int32_t before[5]; /* elements in front, at most the input's length - skipped */
    int32_t skipped;   /* 1: the element at the edge is not repeated, 0: it is */
} mcu_slm_mirror_pad_t;

void mcu_slm_mirror_pad_s8(const mcu_slm_mirror_pad_t *layer, const int8_t *input, int8_t *output);

#endif
