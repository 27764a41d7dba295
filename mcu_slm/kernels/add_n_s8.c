/* Sum of several tensors of one shape, scale and zero point. */
#include "add_n_s8.h"

#include "requantize.h"

#define HALF_OF_EXTRA_BITS 19 /* raised by 20 bits and halved */

void mcu_slm_add_n_s8(const mcu_slm_add_n_t *layer, const int8_t *const *inputs, int8_t *output)
{
    for (int32_t i = 0; i < layer->count; i++) {
        int32_t total = -layer->input_zero_point;

        for (int32_t operand = 0; operand < layer->operands; operand++) {
            total += inputs[operand][i] - layer->input_zero_point;
        }
        const int32_t raised = (int32_t)((uint32_t)total << HALF_OF_EXTRA_BITS);
        const int32_t scaled = mcu_slm_requantize(raised, layer->multiplier, layer->shift);

        output[i] = mcu_slm_saturate_s8(scaled + layer->output_zero_point);
    }
}
