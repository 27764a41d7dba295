/* Running sums along one axis, from either end. */
#include "cumsum_s8.h"

#include "requantize.h"

#define HALF_OF_EXTRA_BITS 19 /* raised by 20 bits and halved */

static int8_t sum_to_output(const mcu_slm_cumsum_t *layer, int32_t total)
{
    const int32_t raised = (int32_t)((uint32_t)total << HALF_OF_EXTRA_BITS);
    const int32_t scaled = mcu_slm_requantize(raised, layer->multiplier, layer->shift);

    return mcu_slm_clamp_s8(scaled + layer->output_zero_point, INT8_MIN, INT8_MAX);
}

static void sum_row(const mcu_slm_cumsum_t *layer, const int8_t *input, int8_t *output)
{
    int32_t total = -layer->input_zero_point;

    for (int32_t i = 0; i < layer->length; i++) {
        const int32_t place = (layer->reverse != 0 ? layer->length - 1 - i : i) * layer->inner;
        const int32_t before = total;

        total += input[place] - layer->input_zero_point;
        output[place] = sum_to_output(layer, layer->exclusive != 0 ? before : total);
    }
}

void mcu_slm_cumsum_s8(const mcu_slm_cumsum_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t i = 0; i < layer->outer; i++) {
        for (int32_t j = 0; j < layer->inner; j++) {
            const int32_t place = i * layer->length * layer->inner + j;

            sum_row(layer, input + place, output + place);
        }
    }
}
