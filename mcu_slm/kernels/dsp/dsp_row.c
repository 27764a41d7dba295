/* One row: inputs in the order in which SXTB16 gives them, and two output channels at a time. */
#include "dsp_row.h"

#include "dsp_instructions.h"
#include "dsp_rescale.h"

void mcu_slm_dsp_widen_row(const int8_t *row, int32_t depth, uint32_t *widened)
{
    const int8_t *end = row + depth / 4 * 4;

    while (row < end) {
        const uint32_t word = mcu_slm_load_word(row);

        *widened++ = mcu_slm_sxtb16(word);
        *widened++ = mcu_slm_sxtb16_ror8(word);
        row += 4;
    }
    if (depth % 4 != 0) {
        const int32_t last = depth % 4 - 1;

        *widened++ = mcu_slm_halves(row[0], last > 0 ? row[last] : 0);
        if (last == 2) {
            *widened = mcu_slm_halves(row[1], 0);
        }
    }
}

static int8_t rescale(const mcu_slm_matrix_t *matrix, int32_t sum, int32_t channel)
{
    const int32_t *numbers = matrix->scale + channel * matrix->scale_step;
    const int32_t third = matrix->has_third ? numbers[2] : 0;
    const int32_t value = mcu_slm_dsp_rescale(sum, numbers, third, matrix->is_signed, matrix->shift);
    const int8_t act_min = (int8_t)(uint8_t)matrix->act_min;
    const int8_t act_max = (int8_t)(uint8_t)matrix->act_max;

    return value < act_min ? act_min : value > act_max ? act_max : (int8_t)value;
}

void mcu_slm_dsp_multiply_pair(const mcu_slm_matrix_t *matrix, const uint32_t *row, const uint32_t *weights, int32_t step,
                               int32_t channel, int8_t *output)
{
    int32_t t = matrix->bias[channel];
    int32_t b = matrix->bias[channel + 1];

    for (const uint32_t *end = row + matrix->pairs; row != end; row++) {
        t = mcu_slm_smlad(*weights, *row, t);
        b = mcu_slm_smlad(mcu_slm_sxtb16(*weights), *row, b);
        weights += step;
    }
    output[channel] = rescale(matrix, (int32_t)((uint32_t)t - (uint32_t)b), channel);
    if (channel + 1 < matrix->channels) {
        output[channel + 1] = rescale(matrix, (int32_t)((uint32_t)b << 8), channel + 1);
    }
}

void mcu_slm_dsp_multiply_pairs(const mcu_slm_matrix_t *matrix, const uint32_t *row, const uint32_t *weights, int32_t first,
                                int8_t *output)
{
    for (int32_t channel = first; channel < matrix->channels; channel += 2) {
        mcu_slm_dsp_multiply_pair(matrix, row, weights, 1, channel, output);
        weights += matrix->pairs;
    }
}
