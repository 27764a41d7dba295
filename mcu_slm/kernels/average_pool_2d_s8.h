#ifndef MCU_SLM_AVERAGE_POOL_2D_S8_H
#define MCU_SLM_AVERAGE_POOL_2D_S8_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t channels;
    int32_t input_height;
    int32_t input_width;
    int32_t output_height;
    int32_t output_width;
    int32_t kernel_height;
    int32_t kernel_width;
    int32_t stride_height;
    int32_t stride_width;
    int32_t pad_top;
    int32_t pad_left;
    int32_t act_min;
    int32_t act_max;
} mcu_slm_average_pool_2d_t;

/* input  [batches][input_height][input_width][channels]
   output [batches][output_height][output_width][channels] */
void mcu_slm_average_pool_2d_s8(const mcu_slm_average_pool_2d_t *layer, const int8_t *input, int8_t *output);

#endif
