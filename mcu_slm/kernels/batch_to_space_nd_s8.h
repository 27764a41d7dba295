#ifndef MCU_SLM_BATCH_TO_SPACE_ND_S8_H
#define MCU_SLM_BATCH_TO_SPACE_ND_S8_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t channels;
    int32_t image_height;
    int32_t image_width;
    int32_t tile_height;
    int32_t tile_width;
    int32_t block_height;
    int32_t block_width;
    int32_t top;  /* rows of the tiled plane above the image */
    int32_t left; /* columns of the tiled plane left of the image */
} mcu_slm_batch_to_space_nd_t;

/* input  tiles [block_height * block_width * batches][tile_height][tile_width][channels]
   output image [batches][image_height][image_width][channels] */
void mcu_slm_batch_to_space_nd_s8(const mcu_slm_batch_to_space_nd_t *layer, const int8_t *input,
                                  int8_t *output);

#endif
