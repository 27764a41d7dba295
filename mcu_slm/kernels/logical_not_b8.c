/* The other truth value of each element. */
#include "logical_not_b8.h"

void mcu_slm_logical_not_b8(int32_t count, const uint8_t *input, uint8_t *output)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = input[i] == 0 ? 1 : 0;
    }
}
