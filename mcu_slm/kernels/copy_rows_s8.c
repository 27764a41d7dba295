/* Concatenation and splitting: rows move, values do not change. */
#include "copy_rows_s8.h"

#include "memory_copy.h"

#define FEW_BYTES 8 /* fewer are copied sooner than memcpy is called */

void mcu_slm_copy_rows_s8(int32_t rows, int32_t row_bytes, const int8_t *source,
                          int32_t source_step, int8_t *target, int32_t target_step)
{
    for (int32_t row = 0; row < rows; row++) {
        if (row_bytes < FEW_BYTES) {
            for (int32_t i = 0; i < row_bytes; i++) {
                target[i] = source[i];
            }
        } else {
            memcpy(target, source, (size_t)row_bytes);
        }
        source += source_step;
        target += target_step;
    }
}
