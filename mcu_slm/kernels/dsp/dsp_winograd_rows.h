#ifndef DSP_WINOGRAD_ROWS_H
#define DSP_WINOGRAD_ROWS_H

#include "dsp_winograd.h"

/* Fills `rows` with what a row of tiles needs of the input and the row of tiles before it did not. */
void mcu_slm_dsp_winograd_rows(const mcu_slm_winograd_t *layer, const int8_t *input,
                               int32_t tile_row, int8_t *rows);

/* The same for F(4x4, 3x3). */
void mcu_slm_dsp_winograd4_rows(const mcu_slm_winograd_t *layer, const int8_t *input,
                                int32_t tile_row, int8_t *rows);

#endif
