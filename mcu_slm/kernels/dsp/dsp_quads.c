/* Widens inputs and puts those of four positions side by side.
 *
 * The order of inputs is that in which SXTB16 gives them: of each four bytes first 0 and 2, then 1 and 3. First come the whole words of all
 * runs of a window, then what is left of each, 1 to 3 bytes: 0 or 0, 1 or 0, 2, 1. The weights are stored to match. They are 0 where a place
 * stays empty, so nothing is written there.
 */
#include "dsp_quads.h"

#include "dsp_instructions.h"

/* Runs of bytes at equal distances, for quads of positions at equal distances. Assembly reads it from the front. */
typedef struct {
    uint32_t *quads; /* where the whole words go */
    const int8_t *x; /* the first run of the first position */
    intptr_t second; /* how far from there those of the quad's other positions are */
    intptr_t third;
    intptr_t fourth;
    int32_t to_next_run; /* bytes from the end of the whole words of a run to another run */
    int32_t words;       /* whole ones of a run */
    int32_t runs;
    int32_t to_next_quad; /* bytes from where another run would be to the next quad's first one */
    int32_t skipped;      /* bytes of a quad beside those words */
    int32_t count;        /* quads */
    int32_t rest;         /* bytes of a run behind its whole words */
    int32_t rests_from;   /* words of a quad in front of what is left of its runs */
} runs_t;

/* Positions may stand in different arrays. */
static inline const int8_t *at_distance(const int8_t *x, intptr_t bytes)
{
    return (const int8_t *)((intptr_t)x + bytes);
}

#if MCU_SLM_DSP_ASSEMBLY

/* r0-r3 are inputs of four positions, r4 is a pair of them, r5 walks along the quads, r6 along the inputs, to which the others lie as far as
 * r7-r9 say. r10 counts words, r11 runs, and r12 leads to the next run. Single stores take a cycle each, stores of two registers three. */
static void widen_words(runs_t *runs)
{
    register runs_t *first __asm__("r0") = runs;

    __asm__ volatile("push   {r4-r11}          \n"
                     "mov    lr, r0            \n"
                     "ldm    r0, {r5-r9, r12}  \n"
                     ".p2align 2               \n" /* long instructions run faster where they begin a word */
                     "3:                       \n"
                     "ldr    r11, [lr, #28]    \n"
                     "2:                       \n"
                     "ldr    r10, [lr, #24]    \n"
                     "1:                       \n"
                     "ldr.w  r1, [r6, r7]      \n"
                     "ldr.w  r2, [r6, r8]      \n"
                     "ldr.w  r3, [r6, r9]      \n"
                     "ldr    r0, [r6], #4      \n"
                     "sxtb16 r4, r1            \n" /* bytes 0 and 2 */
                     "str.w  r4, [r5, #4]      \n" /* long, so that those below begin at words again */
                     "sxtb16 r1, r1, ror #8    \n" /* bytes 1 and 3 */
                     "str    r1, [r5, #20]     \n"
                     "sxtb16 r4, r2            \n"
                     "str    r4, [r5, #8]      \n"
                     "sxtb16 r2, r2, ror #8    \n"
                     "str    r2, [r5, #24]     \n"
                     "sxtb16 r4, r3            \n"
                     "str    r4, [r5, #12]     \n"
                     "sxtb16 r3, r3, ror #8    \n"
                     "str    r3, [r5, #28]     \n"
                     "sxtb16 r4, r0, ror #8    \n"
                     "str    r4, [r5, #16]     \n"
                     "sxtb16 r0, r0            \n"
                     "str    r0, [r5], #32     \n"
                     "subs   r10, r10, #1      \n"
                     "bne    1b                \n"
                     "add    r6, r6, r12       \n"
                     "subs   r11, r11, #1      \n"
                     "bne    2b                \n"
                     "ldr    r0, [lr, #32]     \n"
                     "ldr    r1, [lr, #36]     \n"
                     "ldr    r2, [lr, #40]     \n"
                     "add    r6, r6, r0        \n"
                     "add    r5, r5, r1        \n"
                     "subs   r2, r2, #1        \n"
                     "str    r2, [lr, #40]     \n"
                     "bne    3b                \n"
                     "pop    {r4-r11}          \n"
                     : "+r"(first)
                     :
                     : "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#else

static void widen_words(runs_t *runs)
{
    const int8_t *x = runs->x;
    uint32_t *quads = runs->quads;

    for (; runs->count > 0; runs->count--) {
        for (int32_t run = 0; run < runs->runs; run++) {
            for (int32_t word = 0; word < runs->words; word++) {
                const intptr_t apart[4] = {0, runs->second, runs->third, runs->fourth};

                for (int32_t p = 0; p < 4; p++) {
                    const uint32_t bytes = mcu_slm_load_word(at_distance(x, apart[p]));

                    quads[p] = mcu_slm_sxtb16(bytes);
                    quads[4 + p] = mcu_slm_sxtb16_ror8(bytes);
                }
                x += 4;
                quads += 8;
            }
            x = at_distance(x, runs->to_next_run);
        }
        x = at_distance(x, runs->to_next_quad);
        quads += runs->skipped / 4;
    }
}

#endif

static inline void store_half(int8_t *target, int16_t value)
{
    __builtin_memcpy(target, &value, sizeof value);
}

/* What is left of the runs of `count` quads, from the given place of the first one on. */
static void widen_rests(const runs_t *runs, int8_t *rests, int32_t place, int32_t count)
{
    const int32_t next_run = runs->to_next_run + 4 * runs->words;
    const int32_t next_quad = runs->to_next_quad + next_run * runs->runs;
    const int32_t quad_bytes = runs->skipped + 32 * runs->words * runs->runs;
    const intptr_t second = runs->second; /* as stores of bytes might change what is in memory */
    const intptr_t third = runs->third;
    const intptr_t fourth = runs->fourth;
    const int8_t *run = runs->x + 4 * runs->words;

    for (int32_t left = runs->runs; left > 0; left--) {
        int32_t byte = 0;

        for (int32_t i = 0; i < runs->rest; i++) {
            int8_t *to = rests + place / 2 * 16 + place % 2 * 2;
            int32_t at = byte;

            for (int32_t quad = 0; quad < count; quad++) {
                const int8_t *x = run + at;

                store_half(to, *x);
                store_half(to + 4, *at_distance(x, second));
                store_half(to + 8, *at_distance(x, third));
                store_half(to + 12, *at_distance(x, fourth));
                at += next_quad;
                to += quad_bytes;
            }
            place++;
            byte += runs->rest - 1; /* 0, 1 or 0, 2, 1 */
            byte -= byte >= runs->rest ? runs->rest : 0;
        }
        run += next_run;
    }
}

/* Sets up `runs` of all the runs of a window. */
static void set_up(runs_t *walk, int32_t bytes, int32_t runs, int32_t all_runs, int32_t next_run, int32_t next_quad)
{
    const int32_t words = bytes / 4;

    walk->to_next_run = next_run - 4 * words;
    walk->words = words;
    walk->runs = runs;
    walk->to_next_quad = next_quad - next_run * runs;
    walk->skipped = (bytes * all_runs + 1) / 2 * 16 - 32 * words * runs;
    walk->rest = bytes % 4;
    walk->rests_from = 8 * words * all_runs;
}

/* Sets up rows that are runs of their own. */
static void set_up_rows(runs_t *runs, const int8_t *rows, int32_t step, int32_t depth)
{
    set_up(runs, depth, 1, 1, 0, 4 * step);
    runs->x = rows;
    runs->second = step;
    runs->third = 2 * step;
    runs->fourth = 3 * step;
}

/* Turns to the rows that do not fill a quad, of which the last one is `last` bytes behind the first. */
static void turn_to_last(runs_t *runs, int32_t whole, int32_t step, int32_t last)
{
    runs->x += 4 * step * whole;
    runs->second = last < step ? last : step;
    runs->third = last;
    runs->fourth = last;
}

void mcu_slm_dsp_quads_of_words(const int8_t *rows, int32_t step, int32_t depth, int32_t count, uint32_t *quads)
{
    const int32_t whole = count / 4;
    runs_t runs;

    set_up_rows(&runs, rows, step, depth);
    if (runs.words == 0) {
        return;
    }
    if (whole > 0) {
        runs.quads = quads;
        runs.count = whole;
        widen_words(&runs);
    }
    if (count % 4 != 0) {
        turn_to_last(&runs, whole, step, (count % 4 - 1) * step);
        runs.quads = quads + (depth + 1) / 2 * 4 * whole;
        runs.count = 1;
        widen_words(&runs);
    }
}

void mcu_slm_dsp_quads_of_rows(const int8_t *rows, int32_t step, int32_t depth, int32_t count, uint32_t *quads)
{
    const int32_t whole = count / 4;
    runs_t runs;

    mcu_slm_dsp_quads_of_words(rows, step, depth, count, quads);
    set_up_rows(&runs, rows, step, depth);
    quads += runs.rests_from;
    widen_rests(&runs, (int8_t *)quads, 0, whole);
    if (count % 4 != 0) {
        turn_to_last(&runs, whole, step, (count % 4 - 1) * step);
        widen_rests(&runs, (int8_t *)(quads + (depth + 1) / 2 * 4 * whole), 0, 1);
    }
}

/* Widens some runs of windows, the first of which has a number in its window. */
static void widen(runs_t *runs, int32_t first, int32_t count, uint32_t *quads)
{
    if (runs->rest > 0) {
        widen_rests(runs, (int8_t *)(quads + runs->rests_from), first * runs->rest, count);
    }
    if (runs->words > 0) {
        runs->quads = quads + 8 * first * runs->words;
        runs->count = count;
        widen_words(runs);
    }
}

/* Where four windows begin: outside the image where they reach into the padding. */
typedef struct {
    int32_t rows[4];
    int32_t columns[4];
    int32_t places[4]; /* bytes from the first pixel */
} corners_t;

/* The run that begins at (row, column), `place` bytes from the first pixel: where it is, or in `aside` if padding belongs to it. */
static const int8_t *run_at(const mcu_slm_quads_window_t *window, const int8_t *input, int32_t row, int32_t column, int32_t place,
                            int8_t *aside)
{
    const int32_t channels = window->input_channels;
    const int32_t taps = window->run_taps;
    const int32_t left = window->input_width - column;
    const int32_t first = column < 0 ? -column : 0;
    const int32_t inside = row < 0 || row >= window->input_height ? 0 : (left < taps ? left : taps) - first;

    if (inside < taps) {
        memset(aside, window->zero_point, (uint32_t)(taps * channels));
        if (inside > 0) {
            memcpy(aside + first * channels, input + place + first * channels, (uint32_t)(inside * channels));
        }
        return aside;
    }
    return input + place;
}

/* Four windows of which some reach into the padding. */
static void widen_at_border(const mcu_slm_quads_window_t *window, const int8_t *input, const corners_t *corners, int8_t *aside,
                            uint32_t *quads)
{
    const int32_t channels = window->input_channels;
    const int32_t bytes = window->run_taps * channels;
    int32_t first = 0;
    runs_t runs;

    set_up(&runs, bytes, 1, window->runs_per_row * window->kernel_height, 0, 0);
    for (int32_t tap = 0; tap < window->runs_per_row; tap++) {
        for (int32_t ky = 0; ky < window->kernel_height; ky++) {
            const int32_t right = tap * window->dilation_width;
            const int32_t down = ky * window->dilation_height;
            const int32_t further = (down * window->input_width + right) * channels;
            intptr_t x[4];

            for (int32_t p = 0; p < 4; p++) {
                x[p] = (intptr_t)run_at(window, input, corners->rows[p] + down, corners->columns[p] + right, corners->places[p] + further,
                                        aside + p * bytes);
            }
            runs.x = (const int8_t *)x[0];
            runs.second = x[1] - x[0];
            runs.third = x[2] - x[0];
            runs.fourth = x[3] - x[0];
            widen(&runs, first, 1, quads);
            first++;
        }
    }
}

/* Windows without padding: the taps of a kernel row side by side, or one by one where the window is dilated. */
static void widen_inside(const mcu_slm_quads_window_t *window, runs_t *runs, int32_t count, uint32_t *quads)
{
    for (int32_t tap = 0; tap < window->runs_per_row; tap++) {
        widen(runs, tap * window->kernel_height, count, quads);
        runs->x += window->dilation_width * window->input_channels;
    }
}

/* Whether a position's window is without padding. */
static int is_inside(const mcu_slm_quads_window_t *window, int32_t y, int32_t x)
{
    return y >= window->inside_top && y < window->inside_bottom && x >= window->inside_left && x < window->inside_right;
}

/* Up to four positions from (y, x) on, of which `count` are left to do; empty places repeat the last one. */
static void widen_anywhere(const mcu_slm_quads_window_t *window, const int8_t *input, int32_t y, int32_t x, int32_t count, int8_t *aside,
                           runs_t *runs, uint32_t *quads)
{
    corners_t corners;
    int inside = 1;

    for (int32_t p = 0; p < 4; p++) {
        const int32_t row = y * window->stride_height - window->pad_top;
        const int32_t column = x * window->stride_width - window->pad_left;

        corners.rows[p] = row;
        corners.columns[p] = column;
        corners.places[p] = (row * window->input_width + column) * window->input_channels;
        inside &= is_inside(window, y, x);
        if (p + 1 < count) {
            x++;
            if (x == window->output_width) {
                x = 0;
                y++;
            }
        }
    }
    if (!inside) {
        widen_at_border(window, input, &corners, aside, quads);
        return;
    }
    runs->x = input + corners.places[0];
    runs->second = corners.places[1] - corners.places[0];
    runs->third = corners.places[2] - corners.places[0];
    runs->fourth = corners.places[3] - corners.places[0];
    widen_inside(window, runs, 1, quads);
}

void mcu_slm_dsp_quads_of_windows(const mcu_slm_quads_window_t *window, const int8_t *input,
                                  int32_t first, int32_t count, int8_t *aside, uint32_t *quads)
{
    const int32_t channels = window->input_channels;
    const int32_t row_bytes = window->input_width * channels;
    const int32_t step = window->stride_width * channels;
    const int32_t run_bytes = window->run_taps * channels;
    const int32_t all_runs = window->kernel_height * window->runs_per_row;
    int32_t y = first / window->output_width;
    int32_t x = first % window->output_width;
    runs_t runs;

    set_up(&runs, run_bytes, window->kernel_height, all_runs, window->dilation_height * row_bytes, 4 * step);
    while (count > 0) {
        const int32_t in_row = is_inside(window, y, x) ? window->inside_right - x : 0;
        int32_t whole = (in_row < count ? in_row : count) / 4;

        if (whole > 0) {
            runs.x = input + (y * window->stride_height - window->pad_top) * row_bytes +
                     (x * window->stride_width - window->pad_left) * channels;
            runs.second = step;
            runs.third = 2 * step;
            runs.fourth = 3 * step;
            widen_inside(window, &runs, whole, quads);
        } else {
            widen_anywhere(window, input, y, x, count, aside, &runs, quads);
            whole = 1;
        }
        quads += (run_bytes * all_runs + 1) / 2 * 4 * whole;
        count -= 4 * whole;
        x += 4 * whole;
        while (x >= window->output_width) {
            x -= window->output_width;
            y++;
        }
    }
}

void mcu_slm_dsp_pad_image(const int8_t *image, int32_t rows, int32_t row_bytes, int8_t *padded, int32_t first, int32_t padded_rows,
                           int32_t padded_row_bytes, int32_t zero_point)
{
    memset(padded, zero_point, (uint32_t)(padded_rows * padded_row_bytes));
    padded += first;
    for (; rows > 0; rows--) {
        memcpy(padded, image, (uint32_t)row_bytes);
        image += row_bytes;
        padded += padded_row_bytes;
    }
}
