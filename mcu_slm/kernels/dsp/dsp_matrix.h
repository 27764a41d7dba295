/* A matrix of weights as the kernels for Cortex-M4, M7 and M33 read it: two output channels at a time. */
#ifndef DSP_MATRIX_H
#define DSP_MATRIX_H

#include <stdint.h>

typedef struct {
    /* For each pair of channels a and b: `pairs` words. A word serves two inputs i and j; its halves are
     * 256 * a[i] + b[i] (low) and 256 * a[j] + b[j]. */
    const uint32_t *weights;
    /* For each pair: 256 * bias of a + bias of b, bias of b; input and weight zero points are folded in. */
    const int32_t *bias;
    /* For each channel what turns its sum into int8: multiplier, offset[, correction][, extra shift]; or one word from which
     * they are made with `middle`, the offset of a rounding without ties. */
    const int32_t *scale;
    int32_t scale_step; /* words of `scale` from one channel to the next; 0: all channels have the same */
    int32_t middle;
    int32_t pairs; /* of inputs */
    int32_t channels;
    uint32_t act_min; /* in each byte */
    uint32_t act_max;
} mcu_slm_matrix_t;

#endif
