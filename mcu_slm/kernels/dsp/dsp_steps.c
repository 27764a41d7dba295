/* Fills a table from its last value on, downwards. */
#include "dsp_steps.h"

#include "dsp_instructions.h"

#define VALUES 256

/* From one value to the next one below. */
static inline int32_t below(int32_t value, int32_t rate, int32_t step, int32_t off)
{
    return mcu_slm_smmla(value, rate, value + step) + off;
}

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
        value = below(value, rate, step, *wide++);
        *--place = value;
    }
    while (place != table) {
        const uint32_t four = mcu_slm_load_word(narrow);

        place -= 4;
        value = below(value, rate, step, (int8_t)four);
        place[3] = value;
        value = below(value, rate, step, (int8_t)(four >> 8));
        place[2] = value;
        value = below(value, rate, step, (int8_t)(four >> 16));
        place[1] = value;
        value = below(value, rate, step, (int8_t)(four >> 24));
        place[0] = value;
        narrow += 4;
    }
}
