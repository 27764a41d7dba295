/* Mean over the middle axis. */
#include "mean_s8.h"

#include "requantize.h"

void mcu_slm_mean_s8(const mcu_slm_mean_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t outer = 0; outer < layer->outer; outer++) {
        for (int32_t inner = 0; inner < layer->inner; inner++) {
            int32_t acc = -layer->count * layer->input_zero_point;

            for (int32_t i = 0; i < layer->count; i++) {
                acc += input[i * layer->inner + inner];
            }
            acc = mcu_slm_requantize(acc, layer->multiplier, layer->shift);
            *output++ = mcu_slm_clamp_s8(acc + layer->output_zero_point, INT8_MIN, INT8_MAX);
        }
        input += layer->count * layer->inner;
    }
}
