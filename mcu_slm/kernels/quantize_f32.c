/* Real numbers to quantised integers. */
#include "quantize_f32.h"

#define BEYOND_16_BITS 131072.0f /* further from zero than any value and zero point */

/* The nearest integer, halves away from zero. Not a number counts as the lowest. */
static int32_t round_to_integer(float value)
{
    if (!(value > -BEYOND_16_BITS)) {
        return -(int32_t)BEYOND_16_BITS;
    }
    if (value > BEYOND_16_BITS) {
        return (int32_t)BEYOND_16_BITS;
    }
    const int32_t whole = (int32_t)value;
    const float rest = value - (float)whole;

    if (rest >= 0.5f) {
        return whole + 1;
    }
    return rest <= -0.5f ? whole - 1 : whole;
}

void mcu_slm_quantize_f32(const mcu_slm_quantize_t *layer, const float *input, void *output)
{
    for (int32_t i = 0; i < layer->count; i++) {
        const int32_t steps = round_to_integer(input[i] / layer->scale);

        mcu_slm_store(output, layer->output_type, i, steps + layer->zero_point);
    }
}
