/* One row, widened to 16 bits, and its products with few channels; for eight channels at a time there are kernels made for a depth. */
#ifndef DSP_ROW_H
#define DSP_ROW_H

#include <stdint.h>

#include "dsp_matrix.h"
#include "dsp_rescale.h"

/* Of each four bytes come 0 and 2, then 1 and 3; the rest as (0), (0, 1) or (0, 2), (1), filled up with 0. */
void mcu_slm_dsp_widen_row(const int8_t *row, int32_t depth, uint32_t *widened);

/* The sum of a channel, times 256, to int8. */
static inline int8_t mcu_slm_dsp_rescale_channel(const mcu_slm_matrix_t *matrix, int32_t sum, int32_t channel)
{
    const int32_t *numbers = matrix->scale + channel * matrix->scale_step;
    const int32_t third = matrix->has_third ? numbers[2] : 0;
    const int32_t value = mcu_slm_dsp_rescale(sum, numbers, third, matrix->is_signed, matrix->shift);
    const int8_t act_min = (int8_t)(uint8_t)matrix->act_min;
    const int8_t act_max = (int8_t)(uint8_t)matrix->act_max;

    return value < act_min ? act_min : value > act_max ? act_max : (int8_t)value;
}

/* The outputs of two channels, or of a last one alone, from the sums t = 256 * A + B and B; dsp_gemv.c.j2 says what they are. */
static inline void mcu_slm_dsp_store_pair(const mcu_slm_matrix_t *matrix, int32_t t, int32_t b, int32_t channel, int8_t *output)
{
    output[channel] = mcu_slm_dsp_rescale_channel(matrix, (int32_t)((uint32_t)t - (uint32_t)b), channel);
    if (channel + 1 < matrix->channels) {
        output[channel + 1] = mcu_slm_dsp_rescale_channel(matrix, (int32_t)((uint32_t)b << 8), channel + 1);
    }
}

/* All channels from `first` on; their words lie one behind the other. */
void mcu_slm_dsp_multiply_pairs(const mcu_slm_matrix_t *matrix, const uint32_t *row, const uint32_t *weights, int32_t first,
                                int8_t *output);

#endif
