/* What does not fill a quad of positions or a pair of channels. dsp_gemm.c.j2 says what weights and sums are. */
#include "dsp_pairs.h"

#include "dsp_instructions.h"
#include "dsp_rescale.h"

static int8_t rescale(const mcu_slm_matrix_t *matrix, int32_t sum, const int32_t *scale)
{
    const int32_t value = mcu_slm_dsp_rescale(sum, scale, scale[2], matrix->is_signed, matrix->shift);
    const int8_t act_min = (int8_t)(uint8_t)matrix->act_min;
    const int8_t act_max = (int8_t)(uint8_t)matrix->act_max;

    return value < act_min ? act_min : value > act_max ? act_max : (int8_t)value;
}

void mcu_slm_dsp_start_pairs(mcu_slm_pairs_t *walk, const mcu_slm_matrix_t *matrix, const uint32_t *quads, int32_t positions,
                             int8_t *output)
{
    const int32_t rest = positions % 4;

    walk->pair.bias = matrix->bias;
    walk->pair.weights = matrix->weights;
    walk->pair.quads = quads;
    walk->pair.end = quads + (positions - rest) * matrix->pairs;
    walk->pair.output = output;
    walk->pair.stride = matrix->channels;
    walk->pair.act_min = matrix->act_min;
    walk->pair.act_max = matrix->act_max;
    walk->pair.scale_a[2] = 0; /* stays so in kernels that do not use it */
    walk->pair.scale_b[2] = 0;
    walk->pair.pairs = matrix->pairs;
    walk->matrix = matrix;
    walk->rest = rest;
    walk->to_rest = (positions - rest) * matrix->channels;
}

/* The two channels at one position of a quad. */
static void multiply_one(const mcu_slm_pairs_t *walk, const uint32_t *x, int8_t *output)
{
    const mcu_slm_pair_t *pair = &walk->pair;
    const uint32_t *weights = pair->weights;
    int32_t t = pair->bias[0];
    int32_t b = pair->bias[1];

#pragma GCC unroll 8
    for (int32_t k = 0; k < pair->pairs; k++) {
        t = mcu_slm_smlad(weights[k], *x, t);
        b = mcu_slm_smlad(mcu_slm_sxtb16(weights[k]), *x, b);
        x += 4;
    }
    output[0] = rescale(walk->matrix, (int32_t)((uint32_t)t - (uint32_t)b), pair->scale_a);
    output[1] = rescale(walk->matrix, (int32_t)((uint32_t)b << 8), pair->scale_b);
}

bool mcu_slm_dsp_turn_aside(mcu_slm_pairs_t *walk)
{
    mcu_slm_pair_t *pair = &walk->pair;

    if (walk->rest == 1) {
        multiply_one(walk, pair->end, pair->output + walk->to_rest);
        return false;
    }
    walk->quads = pair->quads;
    walk->output = pair->output;
    pair->quads = pair->end;
    pair->end += 4 * pair->pairs;
    pair->output = walk->aside;
    pair->stride = 2;
    return true;
}

void mcu_slm_dsp_take_aside(mcu_slm_pairs_t *walk)
{
    mcu_slm_pair_t *pair = &walk->pair;
    int8_t *output = walk->output + walk->to_rest;

    for (int32_t p = 0; p < walk->rest; p++) {
        output[0] = walk->aside[2 * p];
        output[1] = walk->aside[2 * p + 1];
        output += walk->matrix->channels;
    }
    pair->end = pair->quads;
    pair->quads = walk->quads;
    pair->output = walk->output;
    pair->stride = walk->matrix->channels;
}

void mcu_slm_dsp_start_alone(mcu_slm_pairs_t *walk, int32_t word)
{
    const mcu_slm_matrix_t *matrix = walk->matrix;
    mcu_slm_pair_t *pair = &walk->pair;

    mcu_slm_dsp_unpack(matrix->scale, word, matrix->middle, matrix->is_signed, pair->scale_a);
    for (int32_t i = 0; i < 3; i++) {
        pair->scale_b[i] = pair->scale_a[i];
    }
    walk->output = pair->output;
    pair->stride = 2;
}

void mcu_slm_dsp_turn_alone(mcu_slm_pairs_t *walk)
{
    mcu_slm_pair_t *pair = &walk->pair;

    pair->end = pair->quads + 4 * pair->pairs;
    pair->output = walk->aside;
}

void mcu_slm_dsp_take_alone(mcu_slm_pairs_t *walk, int32_t left)
{
    const int32_t count = left < 4 ? left : 4;

    for (int32_t p = 0; p < count; p++) {
        *walk->output = walk->aside[2 * p];
        walk->output += walk->matrix->channels;
    }
    walk->pair.quads = walk->pair.end;
}

void mcu_slm_dsp_multiply_quads(const mcu_slm_pairs_t *walk)
{
    const mcu_slm_pair_t *pair = &walk->pair;
    int8_t *output = pair->output;

    for (const uint32_t *quad = pair->quads; quad != pair->end; quad += 4 * pair->pairs) {
        for (int32_t position = 0; position < 4; position++) {
            multiply_one(walk, quad + position, output);
            output += pair->stride;
        }
    }
}
