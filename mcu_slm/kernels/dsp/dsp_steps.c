/* Fills a table from its last value on, downwards. */
#include "dsp_steps.h"

#include "dsp_instructions.h"

#define VALUES 256

void mcu_slm_dsp_fill_table(const mcu_slm_dsp_steps_t *steps, int32_t *table)
{
    const int16_t *wide = steps->wide;
    const int16_t *end = wide + steps->wide_count;
    const int8_t *narrow = steps->narrow;
    const int32_t rate = steps->rate;
    const int32_t step = steps->step;
    int32_t *place = table + VALUES - 1;
    int32_t value = steps->last;

    *place = value;
    while (wide != end) {
        value = mcu_slm_smmla(value, rate, value + step) + *wide++;
        *--place = value;
    }
    while (place != table) {
        place -= 4;
        value = mcu_slm_smmla(value, rate, value + step) + narrow[0];
        place[3] = value;
        value = mcu_slm_smmla(value, rate, value + step) + narrow[1];
        place[2] = value;
        value = mcu_slm_smmla(value, rate, value + step) + narrow[2];
        place[1] = value;
        value = mcu_slm_smmla(value, rate, value + step) + narrow[3];
        place[0] = value;
        narrow += 4;
    }
}
