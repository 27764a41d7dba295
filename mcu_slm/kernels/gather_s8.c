/* Picks rows by number. A number that names no row counts as the nearest one. */
#include "gather_s8.h"

#include "memory_copy.h"

static int32_t nearest_row(int32_t number, int32_t rows)
{
    if (number < 0) {
        return 0;
    }
    return number < rows ? number : rows - 1;
}

void mcu_slm_gather_s8(const mcu_slm_gather_t *layer, const int8_t *input, const int32_t *indices,
                       int8_t *output)
{
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t block = 0; block < layer->blocks; block++) {
            for (int32_t pick = 0; pick < layer->picks; pick++) {
                const int32_t row = nearest_row(indices[pick], layer->block_rows);

                memcpy(output, input + row * layer->row_bytes, (size_t)layer->row_bytes);
                output += layer->row_bytes;
            }
            input += layer->block_rows * layer->row_bytes;
        }
        indices += layer->picks;
    }
}
