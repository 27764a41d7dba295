/* Picks rows by number. */
#include "gather_s8.h"

#include "memory_copy.h"

void mcu_slm_gather_s8(const mcu_slm_gather_t *layer, const int8_t *input, const int32_t *indices,
                       int8_t *output)
{
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t block = 0; block < layer->blocks; block++) {
            for (int32_t pick = 0; pick < layer->picks; pick++) {
                memcpy(output, input + indices[pick] * layer->row_bytes, (size_t)layer->row_bytes);
                output += layer->row_bytes;
            }
            input += layer->block_rows * layer->row_bytes;
        }
        indices += layer->picks;
    }
}
