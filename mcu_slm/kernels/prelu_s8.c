/* Rectifier whose slope below zero is a tensor, broadcast. */
#include "prelu_s8.h"

#include "requantize.h"

static int8_t bend_one(const mcu_slm_prelu_t *layer, int8_t input, int8_t alpha)
{
    const int32_t x = input - layer->input_zero_point;
    int32_t y;

    if (x >= 0) {
        y = mcu_slm_requantize(x, layer->identity_multiplier, layer->identity_shift);
    } else {
        y = mcu_slm_requantize(x * (alpha - layer->alpha_zero_point), layer->slope_multiplier,
                               layer->slope_shift);
    }
    return mcu_slm_saturate_s8(y + layer->output_zero_point);
}

void mcu_slm_prelu_s8(const mcu_slm_prelu_t *layer, const int8_t *input, const int8_t *alpha,
                      int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s1 = layer->steps1;
    const int32_t *s2 = layer->steps2;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                const int8_t *x1 = input + i * s1[0] + j * s1[1] + k * s1[2];
                const int8_t *x2 = alpha + i * s2[0] + j * s2[1] + k * s2[2];

                for (int32_t m = 0; m < n[3]; m++) {
                    *output++ = bend_one(layer, x1[m * s1[3]], x2[m * s2[3]]);
                }
            }
        }
    }
}
