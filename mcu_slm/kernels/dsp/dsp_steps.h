/* A table of which only the steps are stored. */
#ifndef DSP_STEPS_H
#define DSP_STEPS_H

#include <stdint.h>

/* Of 256 values the last one is stored. Each earlier one is the one after it, and its `rate`, a fraction of 2^32, and `step`, and what that
 * lacks: 16 bits for those next to the last one, then 8 bits. */
typedef struct {
    int32_t last;
    int32_t rate;
    int32_t step;
    int32_t wide_count; /* 3, 7, 11, ...: so the others come in fours */
    const int16_t *wide;
    const int8_t *narrow;
} mcu_slm_dsp_steps_t;

void mcu_slm_dsp_fill_table(const mcu_slm_dsp_steps_t *steps, int32_t *table);

#endif
