/* What the kernel does, in one line. Plain C11: no heap, no recursion, no function pointers, no libc but memcpy. */
#include "template_s8.h"

void mcu_slm_template_s8(const mcu_slm_template_t *layer, const int8_t *input, int8_t *output)
{
    for (int32_t i = 0; i < layer->count; i++) {
        output[i] = input[i];
    }
}
