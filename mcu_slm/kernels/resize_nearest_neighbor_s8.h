#ifndef MCU_SLM_RESIZE_NEAREST_NEIGHBOR_S8_H
#define MCU_SLM_RESIZE_NEAREST_NEIGHBOR_S8_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t channels;
    int32_t input_height;
    int32_t input_width;
    int32_t output_height;
    int32_t output_width;
    const int16_t *rows;    /* [output_height]: input row of each output row */
    const int16_t *columns; /* [output_width] */
} mcu_slm_resize_nearest_neighbor_t;

/* input  [batches][input_height][input_width][channels]
   output [batches][output_height][output_width][channels] */
void mcu_slm_resize_nearest_neighbor_s8(const mcu_slm_resize_nearest_neighbor_t *layer,
                                        const int8_t *input, int8_t *output);

#endif
