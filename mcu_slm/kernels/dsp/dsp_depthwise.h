/* A depthwise convolution as the kernels for Cortex-M4, M7 and M33 read it. */
#ifndef DSP_DEPTHWISE_H
#define DSP_DEPTHWISE_H

#include <stdint.h>

typedef struct {
    /* [pair of channels][line of taps][tap][channel of the pair]: two neighbouring taps of a channel stand two bytes apart, which is
     * where they are wanted in a word. */
    const int8_t *weights;
    const int32_t *bias; /* 256 * bias of each channel */
    /* For each channel one word from which with `middle` the numbers are made that turn its sum into int8 (dsp_rescale.h);
     * a negative one says how far behind itself they stand. */
    const int32_t *scale;
    int32_t middle;
    int32_t scale_step; /* words of `scale` from one channel to the next; 0: all channels have the same */
    int32_t act_min;
    int32_t act_max;
} mcu_slm_dsp_depthwise_t;

#endif
