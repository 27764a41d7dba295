/* Transposing, slicing, reversing, repeating: walks the output in order and gathers from the input. */
#include "strided_copy_s8.h"

#include "memory_copy.h"

#define FEW_BYTES 8   /* fewer are copied sooner one by one */
#define MANY_BYTES 32 /* only from here on a call of memcpy pays */

/* A few words, at any address. */
static void copy_words(const int8_t *x, int32_t count, int8_t *y)
{
    for (; count > 0; count -= 4) {
        __builtin_memcpy(y, x, 4);
        x += 4;
        y += 4;
    }
}

static void gather_row(const int8_t *x, int32_t step, int32_t count, int8_t *y)
{
#pragma GCC unroll 4
    for (int32_t i = 0; i < count; i++) {
        y[i] = *x;
        x += step;
    }
}

void mcu_slm_strided_copy_s8(const mcu_slm_strided_copy_t *layer, const int8_t *input,
                             int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s = layer->steps;
    const int32_t count = n[4];
    const int32_t step = s[4];

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                int32_t place = layer->offset + i * s[0] + j * s[1] + k * s[2];

                for (int32_t l = n[3]; l > 0; l--) {
                    if (step == 1 && count % 4 == 0 && count < MANY_BYTES) {
                        copy_words(input + place, count, output);
                    } else if (step == 1 && count >= FEW_BYTES) {
                        memcpy(output, input + place, (size_t)count);
                    } else {
                        gather_row(input + place, step, count, output);
                    }
                    output += count;
                    place += s[3];
                }
            }
        }
    }
}
