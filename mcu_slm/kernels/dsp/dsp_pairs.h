/* What the matrix kernels made for a depth share: all but the innermost loop. */
#ifndef DSP_PAIRS_H
#define DSP_PAIRS_H

#include <stdint.h>

#include "dsp_matrix.h"

/* Pairs of channels at the positions of a strip. Assembly reads all but the last field. */
typedef struct {
    const int32_t *bias; /* of a pair two words, see dsp_matrix.h */
    const uint32_t *weights;
    const int32_t *words; /* of the first channel, see dsp_rescale.h */
    const int32_t *scale; /* the first of all words */
    int32_t step;         /* bytes from one channel's word to the next */
    int32_t middle;
    int8_t *output;
    const uint32_t *quads;
    const uint32_t *end; /* of the whole quads; one that is not may follow */
    int32_t stride;      /* bytes from one position's outputs to the next */
    int32_t channels;    /* pairs of them */
    int32_t pairs;       /* of inputs */
    int32_t rest;        /* positions in the unfinished quad */
    int32_t chunks;      /* times that weights are fetched, but for the last, smaller time */
    uint32_t act_min;    /* in each byte */
    uint32_t act_max;
    int32_t middle_b;
    const mcu_slm_matrix_t *matrix;
} mcu_slm_pairs_t;

void mcu_slm_dsp_start_pairs(mcu_slm_pairs_t *walk, const mcu_slm_matrix_t *matrix, const uint32_t *quads, int32_t positions,
                             int8_t *output);

/* A last channel without a partner: its weights stand beside zeros, and of each quad of positions, which is made `aside`, only its own
 * outputs are taken, behind those at `output`, which then stands at the next quad; `left` positions are to do. */
void mcu_slm_dsp_start_alone(mcu_slm_pairs_t *walk, int8_t *aside);
int8_t *mcu_slm_dsp_take_alone(mcu_slm_pairs_t *walk, int32_t left, int8_t *output);

/* What the assembly does, in plain C. */
void mcu_slm_dsp_multiply_quads(const mcu_slm_pairs_t *walk);

#endif
