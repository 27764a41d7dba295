/* Quantised integers at another scale, or of another width. */
#include "rescale.h"

#include "requantize.h"

void mcu_slm_rescale(const mcu_slm_rescale_t *layer, const void *input, void *output)
{
    for (int32_t i = 0; i < layer->count; i++) {
        const int32_t centred =
            mcu_slm_load(input, layer->input_type, i) - layer->input_zero_point;
        const int32_t scaled = mcu_slm_requantize(centred, layer->multiplier, layer->shift);

        mcu_slm_store(output, layer->output_type, i, scaled + layer->output_zero_point);
    }
}
