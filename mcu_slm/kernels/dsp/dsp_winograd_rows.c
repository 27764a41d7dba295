/* Copies rows of the input to where Winograd's transform reads them, with padding around; dsp_winograd.h gives the layout. */
#include "dsp_winograd_rows.h"

#include "dsp_instructions.h"

/* Words from one place to another; both are as long as whole pixels. */
static int8_t *copy_words(int8_t *target, const int8_t *source, int32_t bytes)
{
    uint32_t *words = (uint32_t *)(void *)target;

    for (; bytes >= 16; bytes -= 16) {
        const uint32_t w0 = mcu_slm_load_word(source);
        const uint32_t w1 = mcu_slm_load_word(source + 4);
        const uint32_t w2 = mcu_slm_load_word(source + 8);
        const uint32_t w3 = mcu_slm_load_word(source + 12);

        words[0] = w0;
        words[1] = w1;
        words[2] = w2;
        words[3] = w3;
        words += 4;
        source += 16;
    }
    for (; bytes > 0; bytes -= 4) {
        *words++ = mcu_slm_load_word(source);
        source += 4;
    }
    return (int8_t *)(void *)words;
}

static int8_t *fill_words(int8_t *target, uint32_t word, int32_t bytes)
{
    uint32_t *words = (uint32_t *)(void *)target;

    for (; bytes > 0; bytes -= 4) {
        *words++ = word;
    }
    return (int8_t *)(void *)words;
}

/* One row of the input with padding at both ends; a row outside the input is all padding. */
static void read_row(const mcu_slm_winograd_t *layer, const int8_t *input, int32_t row,
                     int8_t *target)
{
    const uint32_t padding = (uint32_t)(uint8_t)layer->zero_point * 0x01010101u;
    const int32_t channels = layer->input_channels;
    const int32_t left = layer->pad_left * channels;
    const int32_t bytes = layer->input_width * channels;
    const int32_t right = layer->row_pixels * channels - left - bytes;

    if (row < 0 || row >= layer->input_height) {
        fill_words(target, padding, left + bytes + right);
        return;
    }
    target = fill_words(target, padding, left);
    target = copy_words(target, input + row * bytes, bytes);
    fill_words(target, padding, right);
}

void mcu_slm_dsp_winograd_rows(const mcu_slm_winograd_t *layer, const int8_t *input,
                               int32_t tile_row, int8_t *rows)
{
    const int32_t row_bytes = layer->row_pixels * layer->input_channels;

    for (int32_t row = tile_row == 0 ? 0 : 2; row < 4; row++) {
        const int32_t padded = 2 * tile_row + row;

        read_row(layer, input, padded - layer->pad_top, rows + (padded & 3) * row_bytes);
    }
}

void mcu_slm_dsp_winograd4_rows(const mcu_slm_winograd_t *layer, const int8_t *input,
                                int32_t tile_row, int8_t *rows)
{
    const int32_t row_bytes = layer->row_pixels * layer->input_channels;
    const int32_t known = tile_row == 0 ? 0 : 2;

    copy_words(rows, rows + 4 * row_bytes, known * row_bytes);
    for (int32_t row = known; row < 6; row++) {
        read_row(layer, input, 4 * tile_row + row - layer->pad_top, rows + row * row_bytes);
    }
}
