/* A copy of the input in which a box is replaced. */
#include "dynamic_update_slice_s8.h"

#include "memory_copy.h"

/* Where the box begins in the output, in elements. */
static int32_t first_element(const mcu_slm_dynamic_update_slice_t *layer, const int32_t *starts)
{
    int32_t place = 0;

    for (int32_t i = 0; i < layer->rank; i++) {
        const int32_t axis = 5 - layer->rank + i;
        int32_t start = starts[i] < 0 ? 0 : starts[i];

        if (start > layer->last[axis]) {
            start = layer->last[axis];
        }
        place += start * layer->steps[axis];
    }
    return place;
}

void mcu_slm_dynamic_update_slice_s8(const mcu_slm_dynamic_update_slice_t *layer,
                                     const int8_t *input, const int8_t *box, const int32_t *starts,
                                     int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s = layer->steps;
    int8_t *first = output + first_element(layer, starts);

    memcpy(output, input, (size_t)layer->count);
    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                for (int32_t l = 0; l < n[3]; l++) {
                    memcpy(first + i * s[0] + j * s[1] + k * s[2] + l * s[3], box, (size_t)n[4]);
                    box += n[4];
                }
            }
        }
    }
}
