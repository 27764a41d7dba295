/* Both, or either, of two truth values with broadcasting. */
#include "logical_b8.h"

static uint8_t combine_one(const mcu_slm_logical_t *layer, uint8_t x1, uint8_t x2)
{
    if (layer->either != 0) {
        return x1 != 0 || x2 != 0 ? 1 : 0;
    }
    return x1 != 0 && x2 != 0 ? 1 : 0;
}

void mcu_slm_logical_b8(const mcu_slm_logical_t *layer, const uint8_t *input1,
                        const uint8_t *input2, uint8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s1 = layer->steps1;
    const int32_t *s2 = layer->steps2;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                const uint8_t *x1 = input1 + i * s1[0] + j * s1[1] + k * s1[2];
                const uint8_t *x2 = input2 + i * s2[0] + j * s2[1] + k * s2[2];

                for (int32_t m = 0; m < n[3]; m++) {
                    *output++ = combine_one(layer, x1[m * s1[3]], x2[m * s2[3]]);
                }
            }
        }
    }
}
