/* One row, widened to 16 bits, and its products with few channels; for eight channels at a time there are kernels made for a depth. */
#ifndef DSP_ROW_H
#define DSP_ROW_H

#include <stdint.h>

#include "dsp_matrix.h"

/* Of each four bytes come 0 and 2, then 1 and 3; the rest as (0), (0, 1) or (0, 2), (1), filled up with 0. */
void mcu_slm_dsp_widen_row(const int8_t *row, int32_t depth, uint32_t *widened);

/* Two channels, or a last one alone; their words lie `step` apart. dsp_gemv.c.j2 says what they are. */
void mcu_slm_dsp_multiply_pair(const mcu_slm_matrix_t *matrix, const uint32_t *row, const uint32_t *weights, int32_t step,
                               int32_t channel, int8_t *output);

/* All channels from `first` on; their words lie one behind the other. */
void mcu_slm_dsp_multiply_pairs(const mcu_slm_matrix_t *matrix, const uint32_t *row, const uint32_t *weights, int32_t first,
                                int8_t *output);

#endif
