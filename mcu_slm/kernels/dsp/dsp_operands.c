/* Widens both sides of a matrix product.
 *
 * The order of values is that in which SXTB16 gives them: of each four bytes first 0 and 2, then 1 and 3; what is missing of the last four is
 * zero. Where four vectors lie side by side, what is loaded together is sorted. */
#include "dsp_operands.h"

#include "dsp_instructions.h"

/* Up to four bytes of a vector, the zero point in the place of the others. */
static uint32_t gather(const mcu_slm_operand_t *operand, const int8_t *vector, int32_t first)
{
    uint32_t word = 0;

    for (int32_t k = first + 3; k >= first; k--) {
        const int32_t is_there = vector != 0 && k < operand->depth;
        const int32_t value = is_there ? vector[k * operand->depth_step] : operand->zero_point;

        word = word << 8 | (uint8_t)value;
    }
    return word;
}

/* Four values of a vector in two words, `step` words apart. */
static inline void widen(uint32_t word, uint32_t centre, uint32_t *words, int32_t step)
{
    words[0] = mcu_slm_sxtab16(centre, word);
    words[step] = mcu_slm_sxtab16_ror8(centre, word);
}

static inline void widen_twice(uint32_t word, uint32_t centre, uint32_t *words, int32_t step)
{
    const uint32_t even = mcu_slm_sxtab16(centre, word);
    const uint32_t odd = mcu_slm_sxtab16_ror8(centre, word);

    words[0] = mcu_slm_sadd16(even, even);
    words[step] = mcu_slm_sadd16(odd, odd);
}

void mcu_slm_dsp_operand_rows(const mcu_slm_operand_t *operand, const int8_t *source, int32_t count,
                              uint32_t *rows)
{
    const uint32_t centre = mcu_slm_halves(-operand->zero_point, -operand->zero_point);
    const int32_t whole = operand->depth_step == 1 ? operand->depth / 4 * 4 : 0;

    for (int32_t row = 0; row < count; row += 2) {
        const int8_t *x0 = source + row * operand->vector_step;
        const int8_t *x1 = row + 1 < count ? x0 + operand->vector_step : x0;
        int32_t k = 0;

        for (; k < whole; k += 4) {
            widen_twice(mcu_slm_load_word(x0 + k), centre, rows, 2);
            widen_twice(mcu_slm_load_word(x1 + k), centre, rows + 1, 2);
            rows += 4;
        }
        for (; k < 2 * operand->words; k += 4) {
            widen_twice(gather(operand, x0, k), centre, rows, 2);
            widen_twice(gather(operand, x1, k), centre, rows + 1, 2);
            rows += 4;
        }
    }
}

/* Values k and k + 2 of four columns that lie side by side: the words of one pair. */
static inline void sort(const int8_t *source, int32_t k, int32_t step, uint32_t centre,
                        uint32_t *quad)
{
    const uint32_t w0 = mcu_slm_load_word(source + k * step);
    const uint32_t w2 = mcu_slm_load_word(source + (k + 2) * step);
    const uint32_t even0 = mcu_slm_sxtab16(centre, w0);
    const uint32_t even2 = mcu_slm_sxtab16(centre, w2);
    const uint32_t odd0 = mcu_slm_sxtab16_ror8(centre, w0);
    const uint32_t odd2 = mcu_slm_sxtab16_ror8(centre, w2);

    quad[0] = mcu_slm_low_halves(even0, even2);
    quad[1] = mcu_slm_low_halves(odd0, odd2);
    quad[2] = mcu_slm_high_halves(even0, even2);
    quad[3] = mcu_slm_high_halves(odd0, odd2);
}

/* Four columns, some of which may be missing: `sources` is null there. */
static void widen_columns(const mcu_slm_operand_t *operand, const int8_t *const *sources,
                          uint32_t centre, uint32_t *quads)
{
    const int32_t is_whole = operand->depth_step == 1 && sources[3] != 0;
    const int32_t whole = is_whole ? operand->depth / 4 * 4 : 0;
    int32_t k = 0;

    for (; k < whole; k += 4) {
        widen(mcu_slm_load_word(sources[0] + k), centre, quads, 4);
        widen(mcu_slm_load_word(sources[1] + k), centre, quads + 1, 4);
        widen(mcu_slm_load_word(sources[2] + k), centre, quads + 2, 4);
        widen(mcu_slm_load_word(sources[3] + k), centre, quads + 3, 4);
        quads += 8;
    }
    for (; k < 2 * operand->words; k += 4) {
        for (int32_t c = 0; c < 4; c++) {
            widen(gather(operand, sources[c], k), centre, quads + c, 4);
        }
        quads += 8;
    }
}

void mcu_slm_dsp_operand_quads(const mcu_slm_operand_t *operand, const int8_t *source,
                               int32_t count, uint32_t *quads)
{
    const uint32_t centre = mcu_slm_halves(-operand->zero_point, -operand->zero_point);
    const int32_t step = operand->depth_step;
    const int32_t is_sorted = operand->vector_step == 1 && 2 * operand->words == operand->depth;

    for (int32_t column = 0; column < count; column += 4) {
        const int8_t *first = source + column * operand->vector_step;

        if (is_sorted && count - column >= 4) {
            for (int32_t k = 0; k < operand->depth; k += 4) {
                sort(first, k, step, centre, quads + 2 * k);
                sort(first, k + 1, step, centre, quads + 2 * k + 4);
            }
        } else {
            const int8_t *sources[4];

            for (int32_t c = 0; c < 4; c++) {
                sources[c] = column + c < count ? first + c * operand->vector_step : 0;
            }
            widen_columns(operand, sources, centre, quads);
        }
        quads += 4 * operand->words;
    }
}
