/* Widens a row of inputs in the order in which SXTB16 gives them. */
#include "dsp_row.h"

#include "dsp_instructions.h"

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
