/* Square of the difference of two tensors with broadcasting, at a common scale with 7 extra bits. */
#include "squared_difference_s8.h"

#include "requantize.h"

#define EXTRA_BITS 7

static int8_t square_one(const mcu_slm_squared_difference_t *layer, int8_t x1, int8_t x2)
{
    const int32_t raised1 = (x1 - layer->input1_zero_point) * ((int32_t)1 << EXTRA_BITS);
    const int32_t raised2 = (x2 - layer->input2_zero_point) * ((int32_t)1 << EXTRA_BITS);
    const int32_t difference =
        mcu_slm_requantize(raised1, layer->input1_multiplier, layer->input1_shift) -
        mcu_slm_requantize(raised2, layer->input2_multiplier, layer->input2_shift);
    const int32_t scaled = mcu_slm_requantize(difference * difference, layer->output_multiplier,
                                              layer->output_shift);

    return mcu_slm_saturate_s8(scaled + layer->output_zero_point);
}

void mcu_slm_squared_difference_s8(const mcu_slm_squared_difference_t *layer, const int8_t *input1,
                                   const int8_t *input2, int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s1 = layer->steps1;
    const int32_t *s2 = layer->steps2;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                const int8_t *x1 = input1 + i * s1[0] + j * s1[1] + k * s1[2];
                const int8_t *x2 = input2 + i * s2[0] + j * s2[1] + k * s2[2];

                for (int32_t m = 0; m < n[3]; m++) {
                    *output++ = square_one(layer, x1[m * s1[3]], x2[m * s2[3]]);
                }
            }
        }
    }
}
