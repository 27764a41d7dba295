/* Inputs as dsp_gemm reads them: four positions side by side, widened to 16 bits. */
#ifndef DSP_QUADS_H
#define DSP_QUADS_H

#include <stdint.h>

/* A window that slides over an image [height][width][channels]. What lies under it is a number of runs, each of run_bytes bytes side
 * by side: one for each kernel row, or for each tap where the window is dilated along a row. */
typedef struct {
    int32_t input_height;
    int32_t input_width;
    int32_t input_channels;
    int32_t output_width;
    int32_t kernel_height;
    int32_t runs_per_row;
    int32_t run_taps; /* taps of one run */
    int32_t stride_height;
    int32_t stride_width;
    int32_t dilation_height;
    int32_t dilation_width;
    int32_t pad_top;
    int32_t pad_left;
    int32_t inside_top; /* output rows from here to inside_bottom - 1 and columns likewise have windows without padding */
    int32_t inside_bottom;
    int32_t inside_left;
    int32_t inside_right;
    int32_t zero_point; /* of the input: the value of padding */
} mcu_slm_quads_window_t;

/* Rows of `depth` inputs each, `step` bytes apart: one behind the other, or windows that overlap. The last quad's empty places repeat the
 * last row. */
void mcu_slm_dsp_quads_of_rows(const int8_t *rows, int32_t step, int32_t depth, int32_t count, uint32_t *quads);

/* The same for rows of whole words, or the whole words of rows: less code. */
void mcu_slm_dsp_quads_of_words(const int8_t *rows, int32_t step, int32_t depth, int32_t count, uint32_t *quads);

/* The windows of output positions first .. first + count - 1; `aside` has room for four runs. */
void mcu_slm_dsp_quads_of_windows(const mcu_slm_quads_window_t *window, const int8_t *input,
                                  int32_t first, int32_t count, int8_t *aside, uint32_t *quads);

/* An image with padding around it, so that every window lies inside: its first pixel is `first` bytes behind that of the padded one. */
void mcu_slm_dsp_pad_image(const int8_t *image, int32_t rows, int32_t row_bytes, int8_t *padded, int32_t first, int32_t padded_rows,
                           int32_t padded_row_bytes, int32_t zero_point);

#endif
