/* Sum or difference of two tensors with broadcasting. Terms count twice, so that SMMLAR rounds their sum x times the multiplier as TensorFlow
 * Lite Micro does; the shift after it rounds ties away from zero, which is what adding the sign of x does. */
#include "dsp_add.h"

#include "dsp_instructions.h"
#include "requantize.h"

/* The output for a sum of two terms. */
static inline int8_t rescaled(int32_t x, int32_t multiplier, int32_t offset, int32_t shift)
{
    return (int8_t)mcu_slm_ssat8(mcu_slm_smmlar(x, multiplier, offset + (x < 0 ? -1 : 0)) >> shift);
}

static void add_row(const mcu_slm_dsp_add_t *layer, const int8_t *x1, const int8_t *x2, int32_t count, int8_t *y)
{
    const int32_t *terms1 = layer->terms1;
    const int32_t *terms2 = layer->terms2;
    const int32_t step2 = layer->steps2[3];
    const int32_t multiplier = layer->multiplier;
    const int32_t offset = layer->offset;
    const int32_t shift = layer->shift;

    for (int32_t fours = step2 == 1 ? count / 4 : 0; fours > 0; fours--) {
        const uint32_t w1 = mcu_slm_load_word(x1); /* loads behind one another take a cycle less */
        const uint32_t w2 = mcu_slm_load_word(x2);
        const int32_t sum0 = terms1[(int8_t)w1] + terms2[(int8_t)w2];
        const int32_t sum1 = terms1[(int8_t)(w1 >> 8)] + terms2[(int8_t)(w2 >> 8)];
        const int32_t sum2 = terms1[(int8_t)(w1 >> 16)] + terms2[(int8_t)(w2 >> 16)];
        const int32_t sum3 = terms1[(int8_t)(w1 >> 24)] + terms2[(int8_t)(w2 >> 24)];

        y[0] = rescaled(sum0, multiplier, offset, shift);
        y[1] = rescaled(sum1, multiplier, offset, shift);
        y[2] = rescaled(sum2, multiplier, offset, shift);
        y[3] = rescaled(sum3, multiplier, offset, shift);
        x1 += 4;
        x2 += 4;
        y += 4;
    }
    for (int32_t left = step2 == 1 ? count % 4 : count; left > 0; left--) {
        *y++ = rescaled(terms1[*x1++] + terms2[*x2], multiplier, offset, shift);
        x2 += step2;
    }
}

void mcu_slm_dsp_add(const mcu_slm_dsp_add_t *layer, const int8_t *input1, const int8_t *input2, int8_t *output)
{
    const int32_t *n = layer->lengths;
    const int32_t *s1 = layer->steps1;
    const int32_t *s2 = layer->steps2;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                const int8_t *x1 = input1 + i * s1[0] + j * s1[1] + k * s1[2];
                const int8_t *x2 = input2 + i * s2[0] + j * s2[1] + k * s2[2];

                add_row(layer, x1, x2, n[3], output);
                mcu_slm_clamp_row_s8(n[3], layer->act_min, layer->act_max, output);
                output += n[3];
            }
        }
    }
}
