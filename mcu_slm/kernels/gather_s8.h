#ifndef MCU_SLM_GATHER_S8_H
#define MCU_SLM_GATHER_S8_H

#include <stdint.h>

typedef struct {
    int32_t batches;     /* each has picks of its own */
    int32_t blocks;      /* blocks of rows per batch, all with the same picks */
    int32_t block_rows;  /* rows of one block in the input */
    int32_t picks;       /* rows of one block in the output */
    int32_t row_bytes;
} mcu_slm_gather_t;

/* indices: [batches][picks]. */
void mcu_slm_gather_s8(const mcu_slm_gather_t *layer, const int8_t *input, const int32_t *indices,
                       int8_t *output);

#endif
