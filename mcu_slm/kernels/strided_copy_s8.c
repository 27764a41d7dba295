/* Transposing, slicing, reversing, repeating: walks the output in order and gathers from the input. */
#include "strided_copy_s8.h"

#include "memory_copy.h"

void mcu_slm_strided_copy_s8(const mcu_slm_strided_copy_t *layer, const int8_t *input,
                             int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s = layer->steps;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                for (int32_t l = 0; l < n[3]; l++) {
                    const int8_t *row =
                        input + (layer->offset + i * s[0] + j * s[1] + k * s[2] + l * s[3]);

                    if (s[4] == 1) {
                        memcpy(output, row, (size_t)n[4]);
                    } else {
                        for (int32_t m = 0; m < n[4]; m++) {
                            output[m] = row[m * s[4]];
                        }
                    }
                    output += n[4];
                }
            }
        }
    }
}
