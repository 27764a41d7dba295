#ifndef MCU_SLM_DEPTHWISE_CONV_2D_S8_H
#define MCU_SLM_DEPTHWISE_CONV_2D_S8_H

#include <stdint.h>

#include "sums.h"

typedef struct {
    int32_t batches;
    int32_t input_channels;
    int32_t depth_multiplier; /* output channels per input channel */
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
    int32_t dilation_height;
    int32_t dilation_width;
    int32_t input_zero_point;
    const int8_t *weights; /* [kernel_height][kernel_width][input_channels * depth_multiplier] */
    const int32_t *bias;   /* [input_channels * depth_multiplier] */
    mcu_slm_rescaling_t output;
} mcu_slm_depthwise_conv_2d_t;

/* input  [batches][input_height][input_width][input_channels]
   output [batches][output_height][output_width][input_channels * depth_multiplier] */
void mcu_slm_depthwise_conv_2d_s8(const mcu_slm_depthwise_conv_2d_t *layer, const int8_t *input,
                                  int8_t *output);

#endif
