/* The mean of every channel over all pixels of an image. */
#ifndef DSP_GLOBAL_AVERAGE_H
#define DSP_GLOBAL_AVERAGE_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t pixels; /* at most 255: their sums are held in 16 bits */
    int32_t channels;
    int32_t act_min;
    int32_t act_max;
} mcu_slm_dsp_global_average_t;

/* input [batches][pixels][channels], output [batches][channels] */
void mcu_slm_dsp_global_average(const mcu_slm_dsp_global_average_t *layer, const int8_t *input,
                                int8_t *output);

#endif
