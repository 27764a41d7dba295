/* Tiles to images: walks the images in order and gathers pixels. */
#include "batch_to_space_nd_s8.h"

#include "memory_copy.h"

/* The pixel at (row, column) of the tiled plane of one image. */
static const int8_t *pixel_at(const mcu_slm_batch_to_space_nd_t *layer, const int8_t *tiles, int32_t batch,
                              int32_t row, int32_t column)
{
    const int32_t place = row % layer->block_height * layer->block_width +
                          column % layer->block_width;
    const int32_t tile = place * layer->batches + batch;
    const int32_t y = tile * layer->tile_height + row / layer->block_height;

    return tiles + (y * layer->tile_width + column / layer->block_width) * layer->channels;
}

void mcu_slm_batch_to_space_nd_s8(const mcu_slm_batch_to_space_nd_t *layer, const int8_t *input,
                                  int8_t *output)
{
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t y = 0; y < layer->image_height; y++) {
            for (int32_t x = 0; x < layer->image_width; x++) {
                const int8_t *pixel =
                    pixel_at(layer, input, batch, y + layer->top, x + layer->left);

                memcpy(output, pixel, (size_t)layer->channels);
                output += layer->channels;
            }
        }
    }
}
