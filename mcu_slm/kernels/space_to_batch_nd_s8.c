/* Images to tiles: walks the tiles in order and gathers pixels; beyond the image lies 0. */
#include "space_to_batch_nd_s8.h"

#include "memory_copy.h"

/* One pixel of a tile, at (row, column) of the image, which may be outside. */
static void gather_pixel(const mcu_slm_space_to_batch_nd_t *layer, const int8_t *image, int32_t row,
                         int32_t column, int8_t *output)
{
    const int32_t channels = layer->channels;

    if (row >= 0 && row < layer->image_height && column >= 0 && column < layer->image_width) {
        memcpy(output, image + (row * layer->image_width + column) * channels, (size_t)channels);
        return;
    }
    for (int32_t channel = 0; channel < channels; channel++) {
        output[channel] = 0;
    }
}

/* One tile: the pixels at place (i, j) of every block. */
static void gather_tile(const mcu_slm_space_to_batch_nd_t *layer, const int8_t *image, int32_t i, int32_t j,
                        int8_t *output)
{
    for (int32_t y = 0; y < layer->tile_height; y++) {
        for (int32_t x = 0; x < layer->tile_width; x++) {
            gather_pixel(layer, image, y * layer->block_height + i - layer->top,
                         x * layer->block_width + j - layer->left, output);
            output += layer->channels;
        }
    }
}

void mcu_slm_space_to_batch_nd_s8(const mcu_slm_space_to_batch_nd_t *layer, const int8_t *input,
                                  int8_t *output)
{
    const int32_t image_size = layer->image_height * layer->image_width * layer->channels;
    const int32_t tile_size = layer->tile_height * layer->tile_width * layer->channels;

    for (int32_t i = 0; i < layer->block_height; i++) {
        for (int32_t j = 0; j < layer->block_width; j++) {
            for (int32_t batch = 0; batch < layer->batches; batch++) {
                gather_tile(layer, input + batch * image_size, i, j, output);
                output += tile_size;
            }
        }
    }
}
