/* Widens both sides of a matrix product.
 *
 * The order of values is that in which SXTB16 gives them: of each four bytes first 0 and 2, then 1 and 3; what is missing of the last four is
 * zero. Where four vectors lie side by side, what is loaded together is sorted. */
#include "dsp_operands.h"

#include "dsp_instructions.h"

/* Up to four bytes of a vector, the zero point in the place of the others; all of them where there is no vector. */
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

/* Two rows of whole words. */
static inline uint32_t *widen_rows(const int8_t *x0, const int8_t *x1, int32_t depth,
                                   uint32_t centre, uint32_t *rows)
{
    for (const int8_t *end = x0 + depth; x0 != end; x0 += 4) {
        widen_twice(mcu_slm_load_word(x0), centre, rows, 2);
        widen_twice(mcu_slm_load_word(x1), centre, rows + 1, 2);
        x1 += 4;
        rows += 4;
    }
    return rows;
}

void mcu_slm_dsp_operand_rows(const mcu_slm_operand_t *operand, const int8_t *source, int32_t count,
                              uint32_t *rows)
{
    const uint32_t centre = mcu_slm_halves(-operand->zero_point, -operand->zero_point);
    const int32_t depth = operand->depth;
    const int32_t padded = 2 * operand->words;
    const int32_t vector_step = operand->vector_step;
    const int32_t is_whole = operand->depth_step == 1 && depth == padded;

    for (; count > 0; count -= 2) {
        const int8_t *next = count > 1 ? source + vector_step : source;

        if (is_whole) {
            rows = widen_rows(source, next, depth, centre, rows);
        } else {
            for (int32_t k = 0; k < padded; k += 4) {
                widen_twice(gather(operand, source, k), centre, rows, 2);
                widen_twice(gather(operand, next, k), centre, rows + 1, 2);
                rows += 4;
            }
        }
        source += 2 * vector_step;
    }
}

/* Four columns of whole words, `step` bytes apart. */
static inline uint32_t *widen_columns(const int8_t *x, int32_t step, int32_t depth,
                                      uint32_t centre, uint32_t *quads)
{
    const int8_t *x1 = x + step;
    const int8_t *x2 = x1 + step;
    const int8_t *x3 = x2 + step;

    for (const int8_t *end = x + depth; x != end; x += 4) {
        widen(mcu_slm_load_word(x), centre, quads, 4);
        widen(mcu_slm_load_word(x1), centre, quads + 1, 4);
        widen(mcu_slm_load_word(x2), centre, quads + 2, 4);
        widen(mcu_slm_load_word(x3), centre, quads + 3, 4);
        x1 += 4;
        x2 += 4;
        x3 += 4;
        quads += 8;
    }
    return quads;
}

/* Two values of each of four columns that lie side by side. */
static inline void sort(uint32_t w0, uint32_t w2, uint32_t centre, uint32_t *quad)
{
    const uint32_t even0 = mcu_slm_sxtab16(centre, w0);
    const uint32_t even2 = mcu_slm_sxtab16(centre, w2);
    const uint32_t odd0 = mcu_slm_sxtab16_ror8(centre, w0);
    const uint32_t odd2 = mcu_slm_sxtab16_ror8(centre, w2);

    quad[0] = mcu_slm_low_halves(even0, even2);
    quad[1] = mcu_slm_low_halves(odd0, odd2);
    quad[2] = mcu_slm_high_halves(even0, even2);
    quad[3] = mcu_slm_high_halves(odd0, odd2);
}

/* Four columns that lie side by side, `step` bytes from one value of each to the next; a number of values that four divides. */
static inline uint32_t *sort_columns(const int8_t *x, int32_t step, uint32_t centre,
                                     uint32_t *quads, int32_t words)
{
    for (const uint32_t *end = quads + 4 * words; quads != end; quads += 8) {
        const int8_t *next = x + step;

        sort(mcu_slm_load_word(x), mcu_slm_load_word(x + 2 * step), centre, quads);
        sort(mcu_slm_load_word(next), mcu_slm_load_word(next + 2 * step), centre, quads + 4);
        x += 4 * step;
    }
    return quads;
}

/* Up to four columns of any kind. */
static uint32_t *gather_columns(const mcu_slm_operand_t *operand, const int8_t *source,
                                int32_t count, uint32_t centre, uint32_t *quads)
{
    for (int32_t k = 0; k < 2 * operand->words; k += 4) {
        for (int32_t c = 0; c < 4; c++) {
            const int8_t *vector = c < count ? source + c * operand->vector_step : 0;

            widen(gather(operand, vector, k), centre, quads + c, 4);
        }
        quads += 8;
    }
    return quads;
}

void mcu_slm_dsp_operand_quads(const mcu_slm_operand_t *operand, const int8_t *source,
                               int32_t count, uint32_t *quads)
{
    const uint32_t centre = mcu_slm_halves(-operand->zero_point, -operand->zero_point);
    const int32_t words = operand->words;
    const int32_t vector_step = operand->vector_step;
    const int32_t depth_step = operand->depth_step;
    const int32_t is_whole = operand->depth == 2 * words;

    for (; count > 0; count -= 4) {
        if (count >= 4 && is_whole && depth_step == 1) {
            quads = widen_columns(source, vector_step, 2 * words, centre, quads);
        } else if (count >= 4 && is_whole && vector_step == 1) {
            quads = sort_columns(source, depth_step, centre, quads, words);
        } else {
            quads = gather_columns(operand, source, count, centre, quads);
        }
        source += 4 * vector_step;
    }
}
