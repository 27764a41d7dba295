/* Concatenation and splitting: rows move, values do not change. */
#include "copy_rows_s8.h"

#include "memory_copy.h"

void mcu_slm_copy_rows_s8(int32_t rows, int32_t row_bytes, const int8_t *source,
                          int32_t source_step, int8_t *target, int32_t target_step)
{
    for (int32_t row = 0; row < rows; row++) {
        memcpy(target, source, (size_t)row_bytes);
        source += source_step;
        target += target_step;
    }
}
