#ifndef MCU_SLM_COPY_ROWS_S8_H
#define MCU_SLM_COPY_ROWS_S8_H

#include <stdint.h>

/* Copies `rows` rows of `row_bytes`; rows lie source_step and target_step bytes apart. */
void mcu_slm_copy_rows_s8(int32_t rows, int32_t row_bytes, const int8_t *source,
                          int32_t source_step, int8_t *target, int32_t target_step);

#endif
