/* Bilinear interpolation with weights in 1/1024 per axis; sums stay below 2^30. */
#include "resize_bilinear_s8.h"

#define ONE 1024
#define HALF (ONE * ONE / 2)

/* One output row between two input rows. */
static void interpolate_row(const mcu_slm_resize_bilinear_t *layer, const int8_t *upper,
                            const int8_t *lower, int32_t down, int8_t *output)
{
    const int32_t channels = layer->channels;

    for (int32_t x = 0; x < layer->output_width; x++) {
        const int32_t left = layer->first_columns[x] * channels;
        const int32_t right = layer->second_columns[x] * channels;
        const int32_t weight = layer->column_weights[x];

        for (int32_t channel = 0; channel < channels; channel++) {
            const int32_t a = upper[left + channel] * (ONE - down) + lower[left + channel] * down;
            const int32_t b = upper[right + channel] * (ONE - down) + lower[right + channel] * down;
            const int32_t sum = a * (ONE - weight) + b * weight;

            *output++ = (int8_t)((sum > 0 ? sum + HALF : sum - HALF) / (ONE * ONE));
        }
    }
}

void mcu_slm_resize_bilinear_s8(const mcu_slm_resize_bilinear_t *layer, const int8_t *input,
                                int8_t *output)
{
    const int32_t row_size = layer->input_width * layer->channels;

    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t y = 0; y < layer->output_height; y++) {
            interpolate_row(layer, input + layer->first_rows[y] * row_size,
                            input + layer->second_rows[y] * row_size, layer->row_weights[y],
                            output);
            output += layer->output_width * layer->channels;
        }
        input += layer->input_height * row_size;
    }
}
