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

/* Rows of whole words. */
static void widen_rows(const int8_t *x0, int32_t step, int32_t count, int32_t words,
                       uint32_t centre, uint32_t *rows)
{
    for (; count > 0; count -= 2) {
        const int8_t *x1 = count > 1 ? x0 + step : x0;
        const int8_t *next = x0 + 2 * step;

        for (const uint32_t *end = rows + 2 * words; rows != end; rows += 4) {
            const uint32_t w0 = mcu_slm_load_word(x0); /* loads behind one another take a cycle less */
            const uint32_t w1 = mcu_slm_load_word(x1);

            widen_twice(w0, centre, rows, 2);
            widen_twice(w1, centre, rows + 1, 2);
            x0 += 4;
            x1 += 4;
        }
        x0 = next;
    }
}

void mcu_slm_dsp_operand_rows(const mcu_slm_operand_t *operand, const int8_t *source, int32_t count,
                              uint32_t *rows)
{
    const uint32_t centre = mcu_slm_halves(-operand->zero_point, -operand->zero_point);
    const int32_t words = operand->words;
    const int32_t step = operand->vector_step;

    if (operand->depth_step == 1 && operand->depth == 2 * words) {
        widen_rows(source, step, count, words, centre, rows);
        return;
    }
    for (; count > 0; count -= 2) {
        const int32_t to_next = count > 1 ? step : 0;

        for (int32_t k = 0; k < 2 * words; k += 4) {
            for (int32_t row = 0; row < 2; row++) {
                widen_twice(gather(operand, source + row * to_next, k), centre, rows + row, 2);
            }
            rows += 4;
        }
        source += 2 * step;
    }
}

/* Columns of whole words, four times `fours` of them, `step` bytes apart. */
static uint32_t *widen_columns(const int8_t *x, int32_t step, int32_t fours, int32_t words,
                               uint32_t centre, uint32_t *quads)
{
    for (; fours > 0; fours--) {
        const int8_t *x1 = x + step;
        const int8_t *x2 = x1 + step;
        const int8_t *x3 = x2 + step;
        const int8_t *next = x3 + step;

        for (const uint32_t *end = quads + 4 * words; quads != end; quads += 8) {
            const uint32_t w0 = mcu_slm_load_word(x);
            const uint32_t w1 = mcu_slm_load_word(x1);
            const uint32_t w2 = mcu_slm_load_word(x2);
            const uint32_t w3 = mcu_slm_load_word(x3);

            widen(w0, centre, quads, 4);
            widen(w1, centre, quads + 1, 4);
            widen(w2, centre, quads + 2, 4);
            widen(w3, centre, quads + 3, 4);
            x += 4;
            x1 += 4;
            x2 += 4;
            x3 += 4;
        }
        x = next;
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

/* Columns that lie side by side, four times `fours` of them, `step` bytes from one value of each to the next. */
static uint32_t *sort_columns(const int8_t *columns, int32_t step, int32_t fours, int32_t words,
                              uint32_t centre, uint32_t *quads)
{
    for (; fours > 0; fours--) {
        const int8_t *x = columns;

        for (const uint32_t *end = quads + 4 * words; quads != end; quads += 8) {
            const uint32_t w0 = mcu_slm_load_word(x);
            const uint32_t w2 = mcu_slm_load_word(x + 2 * step);

            x += step;
            sort(w0, w2, centre, quads);
            sort(mcu_slm_load_word(x), mcu_slm_load_word(x + 2 * step), centre, quads + 4);
            x += 3 * step;
        }
        columns += 4;
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
    const int32_t fours = is_whole && (depth_step == 1 || vector_step == 1) ? count / 4 : 0;

    if (depth_step == 1) {
        quads = widen_columns(source, vector_step, fours, words, centre, quads);
    } else {
        quads = sort_columns(source, depth_step, fours, words, centre, quads);
    }
    for (int32_t column = 4 * fours; column < count; column += 4) {
        quads = gather_columns(operand, source + column * vector_step, count - column, centre, quads);
    }
}
