/* Quantised integers to real numbers. */
#include "dequantize_f32.h"

void mcu_slm_dequantize_f32(const mcu_slm_dequantize_t *layer, const void *input, float *output)
{
    for (int32_t i = 0; i < layer->count; i++) {
        const int32_t steps = mcu_slm_load(input, layer->input_type, i) - layer->zero_point;

        output[i] = layer->scale * (float)steps;
    }
}
