/* Rectifier whose slope below zero is a tensor, broadcast. */
#include "prelu_s8.h"

#include "requantize.h"

static void bend_row(const mcu_slm_prelu_t *layer, const int8_t *input, const int8_t *alpha, int8_t *output)
{
    const int8_t *identity = layer->identity;
    const int32_t zero_point = layer->input_zero_point;
    const int32_t input_step = layer->steps1[3];
    const int32_t alpha_step = layer->steps2[3];
    const int32_t count = layer->lengths[3];

    for (int32_t i = 0; i < count; i++) {
        const int32_t x = *input - zero_point;
        int8_t y = identity[*input];

        if (x < 0) {
            const int32_t product = x * (*alpha - layer->alpha_zero_point);
            const int32_t bent = mcu_slm_requantize(product, layer->slope_multiplier, layer->slope_shift);

            y = mcu_slm_saturate_s8(bent + layer->output_zero_point);
        }
        output[i] = y;
        input += input_step;
        alpha += alpha_step;
    }
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

                bend_row(layer, x1, x2, output);
                output += n[3];
            }
        }
    }
}
