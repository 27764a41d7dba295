/* Resizing by choice of pixels. */
#include "resize_nearest_neighbor_s8.h"

#include "memory_copy.h"

void mcu_slm_resize_nearest_neighbor_s8(const mcu_slm_resize_nearest_neighbor_t *layer,
                                        const int8_t *input, int8_t *output)
{
    const int32_t channels = layer->channels;

    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t y = 0; y < layer->output_height; y++) {
            const int8_t *row = input + layer->rows[y] * layer->input_width * channels;

            for (int32_t x = 0; x < layer->output_width; x++) {
                memcpy(output, row + layer->columns[x] * channels, (size_t)channels);
                output += channels;
            }
        }
        input += layer->input_height * layer->input_width * channels;
    }
}
