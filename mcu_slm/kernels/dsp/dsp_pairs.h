/* What the matrix kernels made for a depth share: all but the innermost loop. */
#ifndef DSP_PAIRS_H
#define DSP_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "dsp_matrix.h"

/* A pair of channels, and where its outputs for some quads go. Assembly reads it from the front. */
typedef struct {
    const int32_t *bias; /* 256 * bias of a + bias of b, bias of b */
    const uint32_t *weights;
    const uint32_t *quads;
    const uint32_t *end; /* of the quads */
    int8_t *output;
    int32_t stride;   /* bytes from one position's outputs to the next */
    uint32_t act_min; /* in each byte */
    uint32_t act_max;
    int32_t scale_a[3]; /* multiplier, offset, correction or extra shift */
    int32_t scale_b[3];
    int32_t chunks; /* times that weights are fetched, but for the last, smaller time */
    int32_t pairs;  /* of inputs */
} mcu_slm_pair_t;

/* A pair of channels at all positions of a strip. */
typedef struct {
    mcu_slm_pair_t pair; /* at the finished quads, or at an unfinished one */
    const mcu_slm_matrix_t *matrix;
    int32_t rest;          /* positions in the unfinished quad */
    int32_t to_rest;       /* bytes from the outputs to those of the unfinished quad */
    const uint32_t *quads; /* meanwhile those of the finished quads */
    int8_t *output;
    int8_t aside[8];
} mcu_slm_pairs_t;

void mcu_slm_dsp_start_pairs(mcu_slm_pairs_t *walk, const mcu_slm_matrix_t *matrix, const uint32_t *quads, int32_t positions,
                             int8_t *output);

/* What does not fill a quad: one position is done at once; true if there are two or three, which are made aside as a quad. */
bool mcu_slm_dsp_turn_aside(mcu_slm_pairs_t *walk);

/* Takes the outputs that are wanted of that quad, and turns back. */
void mcu_slm_dsp_take_aside(mcu_slm_pairs_t *walk);

/* A last channel without a partner: its weights stand beside zeros, and of each quad of positions, which is made aside, only its own outputs
 * are taken. */
void mcu_slm_dsp_start_alone(mcu_slm_pairs_t *walk, int32_t word);
void mcu_slm_dsp_turn_alone(mcu_slm_pairs_t *walk);
void mcu_slm_dsp_take_alone(mcu_slm_pairs_t *walk, int32_t left);

/* What the assembly does, in plain C: the outputs of two channels for some quads. */
void mcu_slm_dsp_multiply_quads(const mcu_slm_pairs_t *walk);

/* Turns to the next pair of channels. */
static inline void mcu_slm_dsp_next_pair(mcu_slm_pairs_t *walk)
{
    walk->pair.bias += 2;
    walk->pair.weights += walk->pair.pairs;
    walk->pair.output += 2;
}

#endif
