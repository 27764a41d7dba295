#ifndef MCU_SLM_LOOKUP_S8_H
#define MCU_SLM_LOOKUP_S8_H

#include <stdint.h>

/* output[i] = table[input[i]]; table[-128] .. table[127] exist. input and output may be the same buffer. */
void mcu_slm_lookup_s8(const int8_t *table, int32_t count, const int8_t *input, int8_t *output);

#endif
