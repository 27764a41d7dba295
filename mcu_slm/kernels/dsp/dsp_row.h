/* Inputs as dsp_gemv reads them: one row, widened to 16 bits. */
#ifndef DSP_ROW_H
#define DSP_ROW_H

#include <stdint.h>

/* Of each four bytes come 0 and 2, then 1 and 3; the rest as (0), (0, 1) or (0, 2), (1), filled up with 0. */
void mcu_slm_dsp_widen_row(const int8_t *row, int32_t depth, uint32_t *widened);

#endif
