/* Fully connected layer: every row of the input times the weights, a block of outputs at a time. */
#include "fully_connected_s8.h"

void mcu_slm_fully_connected_s8(const mcu_slm_fully_connected_t *layer, const int8_t *input,
                                int8_t *output)
{
    const mcu_slm_rows_t one_row = {1, layer->inputs, 0, 0, layer->input_zero_point};
    int32_t acc[MCU_SLM_BLOCK];

    for (int32_t row = 0; row < layer->rows; row++) {
        const int8_t *weights = layer->weights;

        for (int32_t first = 0, size = 0; first < layer->outputs; first += size) {
            size = mcu_slm_block_size(layer->outputs, first);

            mcu_slm_start_block(acc, size, layer->bias + first);
            mcu_slm_add_products(acc, size, &one_row, input, weights);
            mcu_slm_store_block(&layer->output, acc, first, size, output + first);
            weights += layer->inputs * size;
        }
        input += layer->inputs;
        output += layer->outputs;
    }
}
