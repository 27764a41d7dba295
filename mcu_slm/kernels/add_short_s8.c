/* Sum or difference of two tensors with broadcasting: y = (x1 * m1 + x2 * m2 + addend) >> shift. The integers are proved at
 * compile time to give the bytes of three requantisations for every pair of inputs. */
#include "add_short_s8.h"

#include "requantize.h"

static void add_row(const mcu_slm_add_short_t *layer, const int8_t *x1, const int8_t *x2, int32_t count, int8_t *y)
{
    const int32_t m1 = layer->multiplier1;
    const int32_t m2 = layer->multiplier2;
    const int32_t addend = layer->addend;
    const int32_t shift = layer->shift;

#pragma GCC unroll 4
    for (int32_t i = 0; i < count; i++) {
        y[i] = mcu_slm_saturate_s8((x1[i] * m1 + (x2[i] * m2 + addend)) >> shift);
    }
}

/* A row of input 1 and one value of input 2. */
static void add_value(const mcu_slm_add_short_t *layer, const int8_t *x1, int32_t x2, int32_t count, int8_t *y)
{
    const int32_t m1 = layer->multiplier1;
    const int32_t addend = x2 * layer->multiplier2 + layer->addend;
    const int32_t shift = layer->shift;

    for (int32_t i = 0; i < count; i++) {
        y[i] = mcu_slm_saturate_s8((x1[i] * m1 + addend) >> shift);
    }
}

void mcu_slm_add_short_s8(const mcu_slm_add_short_t *layer, const int8_t *input1, const int8_t *input2,
                          int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s1 = layer->steps1;
    const int32_t *s2 = layer->steps2;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                const int8_t *x1 = input1 + i * s1[0] + j * s1[1] + k * s1[2];
                const int8_t *x2 = input2 + i * s2[0] + j * s2[1] + k * s2[2];

                if (s2[3] != 0) {
                    add_row(layer, x1, x2, n[3], output);
                } else {
                    add_value(layer, x1, x2[0], n[3], output);
                }
                mcu_slm_clamp_row_s8(n[3], layer->act_min, layer->act_max, output);
                output += n[3];
            }
        }
    }
}
