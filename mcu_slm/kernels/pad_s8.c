/* Padding: fills the output with one value, then copies the input into its middle. */
#include "pad_s8.h"

#include "memory_copy.h"

void mcu_slm_pad_s8(const mcu_slm_pad_t *layer, const int8_t *input, int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s = layer->output_steps;
    int8_t *inner = output + layer->offset;

    memset(output, layer->value, (size_t)layer->output_count);
    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                for (int32_t l = 0; l < n[3]; l++) {
                    memcpy(inner + i * s[0] + j * s[1] + k * s[2] + l * s[3], input, (size_t)n[4]);
                    input += n[4];
                }
            }
        }
    }
}
