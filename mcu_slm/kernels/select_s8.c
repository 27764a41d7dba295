/* Elements of two tensors, chosen by a condition, with broadcasting of all three. */
#include "select_s8.h"

void mcu_slm_select_s8(const mcu_slm_select_t *layer, const uint8_t *condition,
                       const int8_t *input1, const int8_t *input2, int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *sc = layer->condition_steps;
    const int32_t *s1 = layer->input1_steps;
    const int32_t *s2 = layer->input2_steps;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                const uint8_t *c = condition + i * sc[0] + j * sc[1] + k * sc[2];
                const int8_t *x1 = input1 + i * s1[0] + j * s1[1] + k * s1[2];
                const int8_t *x2 = input2 + i * s2[0] + j * s2[1] + k * s2[2];

                for (int32_t m = 0; m < n[3]; m++) {
                    *output++ = c[m * sc[3]] != 0 ? x1[m * s1[3]] : x2[m * s2[3]];
                }
            }
        }
    }
}
