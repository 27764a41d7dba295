/* Widens inputs and puts those of four positions side by side.
 *
 * The order of inputs is that in which SXTB16 gives them: of each four bytes first 0 and 2, then 1 and 3. What is left of a run comes as
 * (0), (0, 1) or (0, 2), (1), filled up with 0; the weights are stored to match.
 */
#include "dsp_quads.h"

#include "dsp_instructions.h"

/* One run of each of four positions. */
static inline uint32_t *widen(const int8_t *x0, const int8_t *x1, const int8_t *x2, const int8_t *x3,
                              int32_t bytes, uint32_t *quads)
{
    for (; bytes >= 4; bytes -= 4) {
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
    if (bytes > 0) {
        const int8_t *rest[4] = {x0, x1, x2, x3};

        for (int32_t p = 0; p < 4; p++) {
            const int32_t second = bytes == 1 ? 0 : rest[p][bytes - 1];

            quads[p] = mcu_slm_halves(rest[p][0], second);
            if (bytes == 3) {
                quads[4 + p] = mcu_slm_halves(rest[p][1], 0);
            }
        }
        quads += bytes == 3 ? 8 : 4;
    }
    return quads;
}

void mcu_slm_dsp_quads_of_rows(const int8_t *rows, int32_t depth, int32_t count, uint32_t *quads)
{
    for (int32_t first = 0; first < count; first += 4) {
        const int32_t last = count - 1 - first; /* of the quad, or beyond it */

        quads = widen(rows, rows + (last < 1 ? last : 1) * depth, rows + (last < 2 ? last : 2) * depth,
                      rows + (last < 3 ? last : 3) * depth, depth, quads);
        rows += 4 * depth;
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

/* Four windows without padding: their runs lie at equal distances. */
static uint32_t *quad_inside(const mcu_slm_quads_window_t *window, const int8_t *input,
                             const int32_t *rows, const int32_t *columns, uint32_t *quads)
{
    const int32_t channels = window->input_channels;
    const int32_t row_bytes = window->input_width * channels;
    const int32_t run_bytes = window->run_taps * channels;
    const int8_t *corners[4];

    for (int32_t p = 0; p < 4; p++) {
        corners[p] = input + rows[p] * row_bytes + columns[p] * channels;
    }
    for (int32_t ky = 0; ky < window->kernel_height; ky++) {
        const int32_t below = ky * window->dilation_height * row_bytes;

        for (int32_t run = 0; run < window->runs_per_row; run++) {
            const int32_t step = below + run * window->dilation_width * channels;

            quads = widen(corners[0] + step, corners[1] + step, corners[2] + step,
                          corners[3] + step, run_bytes, quads);
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

void mcu_slm_dsp_quads_of_windows(const mcu_slm_quads_window_t *window, const int8_t *input,
                                  int32_t first, int32_t count, int8_t *aside, uint32_t *quads)
{
    int32_t y = first / window->output_width;
    int32_t x = first % window->output_width;

    for (int32_t done = 0; done < count; done += 4) {
        int32_t rows[4];
        int32_t columns[4];
        int inside = 1;

        for (int32_t p = 0; p < 4; p++) {
            rows[p] = y * window->stride_height - window->pad_top;
            columns[p] = x * window->stride_width - window->pad_left;
            inside &= is_inside(window, rows[p], columns[p]);
            if (done + p + 1 < count) { /* empty places repeat the last position */
                x++;
                if (x == window->output_width) {
                    x = 0;
                    y++;
                }
            }
        }
        quads = inside ? quad_inside(window, input, rows, columns, quads)
                       : quad_at_border(window, input, rows, columns, aside, quads);
    }
}
