/* A depthwise convolution whose window is the whole image. */
#ifndef DSP_DEPTHWISE_WHOLE_H
#define DSP_DEPTHWISE_WHOLE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const int8_t *weights; /* [tap][channel] */
    const int32_t *bias;   /* the input's zero point is folded in */
    const int32_t *scale;  /* a word per channel, see dsp_rescale.h */
    int32_t middle;
    int32_t scale_step; /* words from one channel to the next; 0: all channels have the same */
    int32_t taps;
    int32_t channels; /* a multiple of 4 */
    int32_t act_min;
    int32_t act_max;
    int32_t shift; /* the last one of the rescaling */
    bool is_signed;
} mcu_slm_dsp_depthwise_whole_t;

/* output[channel]. */
void mcu_slm_dsp_depthwise_whole(const mcu_slm_dsp_depthwise_whole_t *layer, const int8_t *input, int8_t *output);

#endif
