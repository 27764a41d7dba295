/* Padding that mirrors the inside: walks the output in order and finds each element's place in the input. */
#include "mirror_pad_s8.h"

/* The place in the input along one axis for a place in the output. */
static int32_t mirrored(const mcu_slm_mirror_pad_t *layer, int32_t axis, int32_t place)
{
    const int32_t length = layer->input_lengths[axis];
    const int32_t inside = place - layer->before[axis];

    if (inside < 0) {
        return layer->skipped - 1 - inside;
    }
    return inside < length ? inside : 2 * length - 1 - layer->skipped - inside;
}

void mcu_slm_mirror_pad_s8(const mcu_slm_mirror_pad_t *layer, const int8_t *input, int8_t *output)
{
    const int32_t *n = layer->output_lengths;
    const int32_t *length = layer->input_lengths;

    for (int32_t i = 0; i < n[0]; i++) {
        const int32_t row0 = mirrored(layer, 0, i) * length[1];

        for (int32_t j = 0; j < n[1]; j++) {
            const int32_t row1 = (row0 + mirrored(layer, 1, j)) * length[2];

            for (int32_t k = 0; k < n[2]; k++) {
                const int32_t row2 = (row1 + mirrored(layer, 2, k)) * length[3];

                for (int32_t l = 0; l < n[3]; l++) {
                    const int8_t *row = input + (row2 + mirrored(layer, 3, l)) * length[4];

                    for (int32_t m = 0; m < n[4]; m++) {
                        *output++ = row[mirrored(layer, 4, m)];
                    }
                }
            }
        }
    }
}
