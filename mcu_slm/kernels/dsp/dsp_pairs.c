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

static int8_t rescale(const mcu_slm_matrix_t *matrix, int32_t sum, const int32_t *scale)
{
    const int32_t value = mcu_slm_dsp_rescale(sum, scale, scale[2], matrix->is_signed, matrix->shift);
    const int8_t act_min = (int8_t)(uint8_t)matrix->act_min;
    const int8_t act_max = (int8_t)(uint8_t)matrix->act_max;

    return value < act_min ? act_min : value > act_max ? act_max : (int8_t)value;
}

/* Two channels at some positions of a quad. `scale`: three numbers of each. */
static void multiply_quad(const mcu_slm_pairs_t *walk, const int32_t *bias, const uint32_t *weights, const int32_t scale[2][3],
                          const uint32_t *quad, int32_t positions, int8_t *output)
{
    for (int32_t position = 0; position < positions; position++) {
        const uint32_t *x = quad + position;
        int32_t t = bias[0];
        int32_t b = bias[1];

        for (int32_t k = 0; k < walk->pairs; k++) {
            t = mcu_slm_smlad(weights[k], *x, t);
            b = mcu_slm_smlad(mcu_slm_sxtb16(weights[k]), *x, b);
            x += 4;
        }
        output[0] = rescale(walk->matrix, (int32_t)((uint32_t)t - (uint32_t)b), scale[0]);
        output[1] = rescale(walk->matrix, (int32_t)((uint32_t)b << 8), scale[1]);
        output += walk->stride;
    }
}

void mcu_slm_dsp_multiply_quads(const mcu_slm_pairs_t *walk)
{
    const int32_t *word = walk->words;
    const int32_t step = walk->step / 4;
    const int32_t quad_words = 4 * walk->pairs;

    for (int32_t channel = 0; channel < walk->channels; channel++) {
        const int32_t *bias = walk->bias + 2 * channel;
        const uint32_t *weights = walk->weights + channel * walk->pairs;
        int8_t *output = walk->output + 2 * channel;
        int32_t scale[2][3];

        mcu_slm_dsp_unpack(walk->scale, word[0], walk->middle, walk->matrix->is_signed, scale[0]);
        mcu_slm_dsp_unpack(walk->scale, word[step], walk->middle, walk->matrix->is_signed, scale[1]);
        word += 2 * step;
        for (const uint32_t *quad = walk->quads; quad != walk->end; quad += quad_words) {
            multiply_quad(walk, bias, weights, scale, quad, 4, output);
            output += 4 * walk->stride;
        }
        multiply_quad(walk, bias, weights, scale, walk->end, walk->rest, output);
    }
}
