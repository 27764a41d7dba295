/* Widens inputs and puts those of four positions side by side.
 *
 * The order of inputs is that in which SXTB16 gives them: of each four bytes first 0 and 2, then 1 and 3. What is left of a run comes as
 * (0), (0, 1) or (0, 2), (1), filled up with 0; the weights are stored to match.
 */
#include "dsp_quads.h"

#include "dsp_instructions.h"

/* The first pair of what is left of a run, 2 or 3 bytes: (0, 1) or (0, 2). */
static inline uint32_t widen_first(const int8_t *x, int32_t bytes)
{
    return mcu_slm_halves(x[0], x[bytes - 1]);
}

/* One run of each of four positions. */
static inline uint32_t *widen(const int8_t *x0, const int8_t *x1, const int8_t *x2, const int8_t *x3,
                              int32_t bytes, uint32_t *quads)
{
#if MCU_SLM_DSP_ASSEMBLY
    if (bytes >= 4) {
        int32_t left = bytes / 4;
        uint32_t a, b, c, d;

        __asm__ volatile(".p2align 2                    \n" /* long instructions run faster where they begin a word */
                         "1:                            \n"
                         "ldr    %[a], [%[x0]], #4      \n"
                         "ldr    %[b], [%[x1]], #4      \n"
                         "sxtb16 %[c], %[a]             \n" /* bytes 0 and 2 */
                         "sxtb16 %[d], %[b]             \n"
                         "strd   %[c], %[d], [%[quads]] \n"
                         "sxtb16 %[c], %[a], ror #8     \n" /* bytes 1 and 3 */
                         "sxtb16 %[d], %[b], ror #8     \n"
                         "strd   %[c], %[d], [%[quads], #16] \n"
                         "ldr    %[a], [%[x2]], #4      \n"
                         "ldr    %[b], [%[x3]], #4      \n"
                         "sxtb16 %[c], %[a]             \n"
                         "sxtb16 %[d], %[b]             \n"
                         "strd   %[c], %[d], [%[quads], #8] \n"
                         "sxtb16 %[c], %[a], ror #8     \n"
                         "sxtb16 %[d], %[b], ror #8     \n"
                         "strd   %[c], %[d], [%[quads], #24] \n"
                         "adds   %[quads], #32          \n"
                         "subs   %[left], #1            \n"
                         "bne    1b                     \n"
                         : [x0] "+r"(x0), [x1] "+r"(x1), [x2] "+r"(x2), [x3] "+r"(x3),
                           [quads] "+r"(quads), [left] "+r"(left), [a] "=&r"(a), [b] "=&r"(b),
                           [c] "=&r"(c), [d] "=&r"(d)
                         :
                         : "cc", "memory");
    }
#else
    for (int32_t left = bytes / 4; left > 0; left--) {
        const uint32_t w0 = mcu_slm_load_word(x0);
        const uint32_t w1 = mcu_slm_load_word(x1);
        const uint32_t w2 = mcu_slm_load_word(x2);
        const uint32_t w3 = mcu_slm_load_word(x3);

        x0 += 4;
        x1 += 4;
        x2 += 4;
        x3 += 4;
        quads[0] = mcu_slm_sxtb16(w0);
        quads[1] = mcu_slm_sxtb16(w1);
        quads[2] = mcu_slm_sxtb16(w2);
        quads[3] = mcu_slm_sxtb16(w3);
        quads[4] = mcu_slm_sxtb16_ror8(w0);
        quads[5] = mcu_slm_sxtb16_ror8(w1);
        quads[6] = mcu_slm_sxtb16_ror8(w2);
        quads[7] = mcu_slm_sxtb16_ror8(w3);
        quads += 8;
    }
#endif
    bytes %= 4;
    if (bytes == 0) {
        return quads;
    }
    if (bytes == 1) {
        quads[0] = mcu_slm_halves(*x0, 0);
        quads[1] = mcu_slm_halves(*x1, 0);
        quads[2] = mcu_slm_halves(*x2, 0);
        quads[3] = mcu_slm_halves(*x3, 0);
        return quads + 4;
    }
    quads[0] = widen_first(x0, bytes);
    quads[1] = widen_first(x1, bytes);
    quads[2] = widen_first(x2, bytes);
    quads[3] = widen_first(x3, bytes);
    if (bytes == 3) {
        quads[4] = mcu_slm_halves(x0[1], 0);
        quads[5] = mcu_slm_halves(x1[1], 0);
        quads[6] = mcu_slm_halves(x2[1], 0);
        quads[7] = mcu_slm_halves(x3[1], 0);
    }
    return quads + (bytes == 3 ? 8 : 4);
}

void mcu_slm_dsp_quads_of_rows(const int8_t *rows, int32_t step, int32_t depth, int32_t count, uint32_t *quads)
{
    for (int32_t first = 0; first < count; first += 4) {
        const int32_t last = count - 1 - first; /* of the quad, or beyond it */

        quads = widen(rows, rows + (last < 1 ? last : 1) * step, rows + (last < 2 ? last : 2) * step,
                      rows + (last < 3 ? last : 3) * step, depth, quads);
        rows += 4 * step;
    }
}

/* A run of which some taps lie in the padding, put together in `aside`. */
static void fill_run(const mcu_slm_quads_window_t *window, const int8_t *row, int32_t column,
                     int8_t *aside)
{
    const int32_t channels = window->input_channels;

    for (int32_t tap = 0; tap < window->run_taps; tap++) {
        if (row != 0 && column + tap >= 0 && column + tap < window->input_width) {
            memcpy(aside, row + (column + tap) * channels, (uint32_t)channels);
        } else {
            memset(aside, window->zero_point, (uint32_t)channels);
        }
        aside += channels;
    }
}

/* Where the run that begins at (row, column) stands: in the input, or in `aside` where padding belongs to it. */
static const int8_t *run_at(const mcu_slm_quads_window_t *window, const int8_t *input, int32_t row,
                            int32_t column, int8_t *aside)
{
    const int32_t row_bytes = window->input_width * window->input_channels;
    const int8_t *source =
        row >= 0 && row < window->input_height ? input + row * row_bytes : 0;

    if (source != 0 && column >= 0 && column + window->run_taps <= window->input_width) {
        return source + column * window->input_channels;
    }
    fill_run(window, source, column, aside);
    return aside;
}

/* Whether a window whose top left corner is at (row, column) lies inside the image. */
static int is_inside(const mcu_slm_quads_window_t *window, int32_t row, int32_t column)
{
    const int32_t last_row = row + (window->kernel_height - 1) * window->dilation_height;
    const int32_t last_column =
        column + (window->runs_per_row - 1) * window->dilation_width + window->run_taps - 1;

    return row >= 0 && column >= 0 && last_row < window->input_height &&
           last_column < window->input_width;
}

/* Four windows without padding, by their corners: all their runs lie at equal distances. */
static uint32_t *quad_inside(const mcu_slm_quads_window_t *window, const int8_t *x0,
                             const int8_t *x1, const int8_t *x2, const int8_t *x3, uint32_t *quads)
{
    const int32_t channels = window->input_channels;
    const int32_t row_step = window->dilation_height * window->input_width * channels;
    const int32_t run_step = window->dilation_width * channels;
    const int32_t run_bytes = window->run_taps * channels;

    for (int32_t ky = 0; ky < window->kernel_height; ky++) {
        int32_t step = ky * row_step;

        for (int32_t run = 0; run < window->runs_per_row; run++) {
            quads = widen(x0 + step, x1 + step, x2 + step, x3 + step, run_bytes, quads);
            step += run_step;
        }
    }
    return quads;
}

/* Four windows of which some reach into the padding. */
static uint32_t *quad_at_border(const mcu_slm_quads_window_t *window, const int8_t *input,
                                const int32_t *rows, const int32_t *columns, int8_t *aside,
                                uint32_t *quads)
{
    const int32_t run_bytes = window->run_taps * window->input_channels;

    for (int32_t ky = 0; ky < window->kernel_height; ky++) {
        for (int32_t run = 0; run < window->runs_per_row; run++) {
            const int8_t *sources[4];

            for (int32_t p = 0; p < 4; p++) {
                sources[p] = run_at(window, input, rows[p] + ky * window->dilation_height,
                                    columns[p] + run * window->dilation_width,
                                    aside + p * run_bytes);
            }
            quads = widen(sources[0], sources[1], sources[2], sources[3], run_bytes, quads);
        }
    }
    return quads;
}

/* Up to four positions from (y, x) on, of which `count` are left to do; empty places repeat the last one. */
static uint32_t *quad_anywhere(const mcu_slm_quads_window_t *window, const int8_t *input, int32_t y,
                               int32_t x, int32_t count, int8_t *aside, uint32_t *quads)
{
    int32_t corners[4]; /* places in the input; outside it where a window begins in the padding */
    int32_t rows[4];
    int32_t columns[4];
    int inside = 1;

    for (int32_t p = 0; p < 4; p++) {
        rows[p] = y * window->stride_height - window->pad_top;
        columns[p] = x * window->stride_width - window->pad_left;
        inside &= is_inside(window, rows[p], columns[p]);
        corners[p] = (rows[p] * window->input_width + columns[p]) * window->input_channels;
        if (p + 1 < count) {
            x++;
            if (x == window->output_width) {
                x = 0;
                y++;
            }
        }
    }
    if (!inside) {
        return quad_at_border(window, input, rows, columns, aside, quads);
    }
    return quad_inside(window, input + corners[0], input + corners[1], input + corners[2],
                       input + corners[3], quads);
}

void mcu_slm_dsp_quads_of_windows(const mcu_slm_quads_window_t *window, const int8_t *input,
                                  int32_t first, int32_t count, int8_t *aside, uint32_t *quads)
{
    const int32_t step = window->stride_width * window->input_channels;
    int32_t y = first / window->output_width;
    int32_t x = first % window->output_width;

    for (; count > 0; count -= 4) {
        const int32_t row = y * window->stride_height - window->pad_top;
        const int32_t column = x * window->stride_width - window->pad_left;

        /* Mostly all four lie in one row and without padding. */
        if (count >= 4 && x + 4 <= window->output_width && is_inside(window, row, column) &&
            is_inside(window, row, column + 3 * window->stride_width)) {
            const int8_t *corner =
                input + (row * window->input_width + column) * window->input_channels;

            quads = quad_inside(window, corner, corner + step, corner + 2 * step,
                                corner + 3 * step, quads);
        } else {
            quads = quad_anywhere(window, input, y, x, count, aside, quads);
        }
        x += 4;
        while (x >= window->output_width) {
            x -= window->output_width;
            y++;
        }
    }
}

void mcu_slm_dsp_pad_image(const mcu_slm_quads_window_t *window, int32_t top, int32_t left,
                           const int8_t *image, int32_t height, int32_t width, int8_t *padded)
{
    const uint32_t row_bytes = (uint32_t)(width * window->input_channels);
    const int32_t padded_row = window->input_width * window->input_channels;

    memset(padded, window->zero_point, (uint32_t)(window->input_height * padded_row));
    padded += top * padded_row + left * window->input_channels;
    for (int32_t row = 0; row < height; row++) {
        memcpy(padded, image, row_bytes);
        image += row_bytes;
        padded += padded_row;
    }
}
