/* What stands around the loops of dsp_gemm.c.j2, which says what weights and sums are, and these loops in plain C. */
#include "dsp_pairs.h"

#include "dsp_instructions.h"
#include "dsp_rescale.h"

void mcu_slm_dsp_start_pairs(mcu_slm_pairs_t *walk, const mcu_slm_matrix_t *matrix, const uint32_t *quads, int32_t positions,
                             int8_t *output)
{
    walk->bias = matrix->bias;
    walk->weights = matrix->weights;
    walk->words = matrix->scale;
    walk->scale = matrix->scale;
    walk->step = 4 * matrix->scale_step;
    walk->middle = matrix->middle;
    walk->output = output;
    walk->quads = quads;
    walk->end = quads + positions / 4 * 4 * matrix->pairs;
    walk->stride = matrix->channels;
    walk->channels = matrix->channels / 2;
    walk->pairs = matrix->pairs;
    walk->rest = positions % 4;
    walk->chunks = 0;
    walk->act_min = matrix->act_min;
    walk->act_max = matrix->act_max;
    walk->middle_b = matrix->middle_b;
    walk->matrix = matrix;
}

void mcu_slm_dsp_start_alone(mcu_slm_pairs_t *walk, int8_t *aside)
{
    const mcu_slm_matrix_t *matrix = walk->matrix;
    const int32_t before = matrix->channels / 2; /* pairs */

    walk->bias += 2 * before;
    walk->weights += before * matrix->pairs;
    walk->words += (matrix->channels - 1) * matrix->scale_step;
    walk->step = 0;
    walk->end = walk->quads + 4 * matrix->pairs;
    walk->output = aside;
    walk->stride = 2;
    walk->channels = 1;
    walk->rest = 0;
}

int8_t *mcu_slm_dsp_take_alone(mcu_slm_pairs_t *walk, int32_t left, int8_t *output)
{
    const int32_t count = left < 4 ? left : 4;
    const int32_t stride = walk->matrix->channels;

    for (int32_t p = 0; p < count; p++) {
        output[stride - 1] = walk->output[2 * p];
        output += stride;
    }
    walk->quads = walk->end;
    walk->end += 4 * walk->pairs;
    return output;
}

/* A pair of channels: the sums to begin with, and three numbers of each to rescale them. */
typedef struct {
    int32_t begin_a; /* 256 * bias of a + bias of b */
    int32_t begin_b;
    int32_t scale_a[3];
    int32_t scale_b[3];
} pair_t;

static pair_t find_pair(const mcu_slm_pairs_t *walk, int32_t number)
{
    const int32_t *bias = walk->bias + 2 * number;
    const int32_t *word = walk->words + 2 * number * walk->step / 4;
    const bool is_signed = walk->matrix->is_signed;
    pair_t pair = {.begin_a = bias[0], .begin_b = bias[1]};

    mcu_slm_dsp_unpack(walk->scale, word[0], walk->middle, is_signed, pair.scale_a);
    if (walk->matrix->is_direct) {
        pair.begin_b = (int32_t)((uint32_t)bias[1] << 12) >> 12;
        pair.scale_b[0] = word[walk->step / 4];
        pair.scale_b[1] = walk->middle_b + (bias[1] >> 20);
    } else {
        mcu_slm_dsp_unpack(walk->scale, word[walk->step / 4], walk->middle, is_signed, pair.scale_b);
    }
    return pair;
}

static int8_t clamp(const mcu_slm_matrix_t *matrix, int32_t value)
{
    const int8_t act_min = (int8_t)(uint8_t)matrix->act_min;
    const int8_t act_max = (int8_t)(uint8_t)matrix->act_max;

    return value < act_min ? act_min : value > act_max ? act_max : (int8_t)value;
}

static int8_t rescale(const mcu_slm_matrix_t *matrix, int32_t sum, const int32_t *scale)
{
    return clamp(matrix, mcu_slm_dsp_rescale(sum, scale, scale[2], matrix->is_signed, matrix->shift));
}

static int8_t rescale_b(const mcu_slm_matrix_t *matrix, int32_t b, const int32_t *scale)
{
    if (matrix->is_direct) {
        return clamp(matrix, mcu_slm_ssat8(mcu_slm_smmla(b, scale[0], scale[1]) >> (matrix->shift - 8)));
    }
    return rescale(matrix, (int32_t)((uint32_t)b << 8), scale);
}

/* Two channels at some positions of a quad. */
static void multiply_quad(const mcu_slm_pairs_t *walk, const pair_t *pair, const uint32_t *weights, const uint32_t *quad,
                          int32_t positions, int8_t *output)
{
    for (int32_t position = 0; position < positions; position++) {
        const uint32_t *x = quad + position;
        int32_t t = pair->begin_a;
        int32_t b = pair->begin_b;

        for (int32_t k = 0; k < walk->pairs; k++) {
            t = mcu_slm_smlad(weights[k], *x, t);
            b = mcu_slm_smlad(mcu_slm_sxtb16(weights[k]), *x, b);
            x += 4;
        }
        output[0] = rescale(walk->matrix, (int32_t)((uint32_t)t - (uint32_t)b), pair->scale_a);
        output[1] = rescale_b(walk->matrix, b, pair->scale_b);
        output += walk->stride;
    }
}

void mcu_slm_dsp_multiply_quads(const mcu_slm_pairs_t *walk)
{
    const int32_t quad_words = 4 * walk->pairs;

    for (int32_t number = 0; number < walk->channels; number++) {
        const uint32_t *weights = walk->weights + number * walk->pairs;
        const pair_t pair = find_pair(walk, number);
        int8_t *output = walk->output + 2 * number;

        for (const uint32_t *quad = walk->quads; quad != walk->end; quad += quad_words) {
            multiply_quad(walk, &pair, weights, quad, 4, output);
            output += 4 * walk->stride;
        }
        multiply_quad(walk, &pair, weights, walk->end, walk->rest, output);
    }
}
