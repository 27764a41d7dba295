/* Unary functions of int8 values, as tables made at compile time. */
#include "lookup_s8.h"

void mcu_slm_lookup_s8(const int8_t *table, int32_t count, const int8_t *input, int8_t *output)
{
#pragma GCC unroll 4
    for (int32_t i = 0; i < count; i++) {
        output[i] = table[input[i]];
    }
}
