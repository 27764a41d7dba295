/* A matrix of weights as the kernels for Cortex-M4, M7 and M33 read it: two output channels at a time. */
#ifndef DSP_MATRIX_H
#define DSP_MATRIX_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    /* For each pair of channels a and b: `pairs` words. A word serves two inputs i and j; its halves are
     * 256 * a[i] + b[i] (low) and 256 * a[j] + b[j]. */
    const uint32_t *weights;
    /* For each pair: 256 * bias of a + bias of b, bias of b; input and weight zero points are folded in. With `is_direct` the second
     * word is the bias of b in its lower 20 bits, above them what its offset is more than `middle_b`. */
    const int32_t *bias;
    /* What turns the sum of a channel into int8. For dsp_gemv multiplier, offset[, correction or extra shift]. For dsp_gemm one
     * word from which they are made with `middle` (dsp_rescale.h). */
    const int32_t *scale;
    int32_t middle;
    int32_t middle_b;
    int32_t pairs; /* of inputs */
    int32_t channels;
    uint32_t act_min; /* in each byte */
    uint32_t act_max;
    uint8_t scale_step; /* words of `scale` from one channel to the next; 0: all channels have the same */
    uint8_t shift;      /* the last one */
    bool is_signed;     /* whether the third number is a correction; else it is an extra shift, or there is none */
    bool has_third;
    bool is_direct; /* dsp_gemm: the sums of b are rescaled as they are, with 8 bits less of the last shift */
} mcu_slm_matrix_t;

#endif
