/* Fully connected layer: every row of the input times every row of the weights. */
#include "fully_connected_s8.h"

#include "requantize.h"

void mcu_slm_fully_connected_s8(const mcu_slm_fully_connected_t *layer, const int8_t *input,
                                int8_t *output)
{
    for (int32_t row = 0; row < layer->rows; row++) {
        const int8_t *weights = layer->weights;

        for (int32_t o = 0; o < layer->outputs; o++) {
            int32_t acc = layer->bias[o];

            for (int32_t i = 0; i < layer->inputs; i++) {
                acc += (input[i] - layer->input_zero_point) * weights[i];
            }
            acc = mcu_slm_requantize(acc, layer->multiplier[o], layer->shift[o]);
            output[o] =
                mcu_slm_clamp_s8(acc + layer->output_zero_point, layer->act_min, layer->act_max);
            weights += layer->inputs;
        }
        input += layer->inputs;
        output += layer->outputs;
    }
}
