/*
 * A depthwise convolution whose window is the whole image: one output per channel.
 *
 * Four neighbouring channels at a time, as inputs and weights lie in memory: there is nothing to slide along that would pay for spreading
 * them into planes. The sums times 256 are what the short rescaling wants; the compiler has proved that it equals the two roundings of
 * TensorFlow Lite Micro for every channel and every sum that can occur.
 */
#include "dsp_depthwise_whole.h"

#include "dsp_instructions.h"
#include "dsp_rescale.h"

/* Adds the products of all taps to the sums of four channels. */
static void add_products(const int8_t *x, const int8_t *w, int32_t channels, int32_t taps, int32_t *sums)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t offset = channels * (taps - 1); /* the last tap comes first: the sign says when all were done */
    int32_t a, b, c, d;
    int32_t sum0 = sums[0];
    int32_t sum1 = sums[1];
    int32_t sum2 = sums[2];
    int32_t sum3 = sums[3];

    __asm__ volatile(".p2align 2                        \n" /* long instructions run faster where they begin a word */
                     "1:                                \n"
                     "ldr.w  %[a], [%[x], %[offset]]    \n" /* four inputs */
                     "ldr.w  %[b], [%[w], %[offset]]    \n" /* and their weights */
                     "sxtb16 %[c], %[a]                 \n" /* channels 0 and 2 */
                     "sxtb16 %[d], %[b]                 \n"
                     "sxtb16 %[a], %[a], ror #8         \n" /* 1 and 3 */
                     "sxtb16 %[b], %[b], ror #8         \n"
                     "subs.w %[offset], %[offset], %[channels] \n"
                     "smlabb %[sum0], %[c], %[d], %[sum0] \n"
                     "smlatt %[sum2], %[c], %[d], %[sum2] \n"
                     "smlabb %[sum1], %[a], %[b], %[sum1] \n"
                     "smlatt %[sum3], %[a], %[b], %[sum3] \n"
                     "bpl.w  1b                         \n"
                     : [offset] "+r"(offset), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d),
                       [sum0] "+r"(sum0), [sum1] "+r"(sum1), [sum2] "+r"(sum2), [sum3] "+r"(sum3)
                     : [x] "r"(x), [w] "r"(w), [channels] "r"(channels)
                     : "cc", "memory");
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
#else
    for (int32_t tap = 0; tap < taps; tap++) {
        for (int32_t i = 0; i < 4; i++) {
            sums[i] += x[i] * w[i];
        }
        x += channels;
        w += channels;
    }
#endif
}

void mcu_slm_dsp_depthwise_whole(const mcu_slm_dsp_depthwise_whole_t *layer, const int8_t *input, int8_t *output)
{
    const mcu_slm_dsp_depthwise_whole_t all = *layer; /* stores of bytes might change what is in memory, but not this */
    const int32_t *bias = all.bias;
    const int32_t *word = all.scale;

    for (int32_t channel = 0; channel < all.channels; channel += 4) {
        int32_t sums[4] = {bias[0], bias[1], bias[2], bias[3]};

        add_products(input + channel, all.weights + channel, all.channels, all.taps, sums);
#pragma GCC unroll 4
        for (int32_t i = 0; i < 4; i++) {
            int32_t numbers[3];

            mcu_slm_dsp_unpack(all.scale, *word, all.middle, all.is_signed, numbers);
            const int32_t value =
                mcu_slm_dsp_rescale((int32_t)((uint32_t)sums[i] << 8), numbers, numbers[2], all.is_signed, all.shift);
            output[i] = (int8_t)(value < all.act_min ? all.act_min : value > all.act_max ? all.act_max : value);
            word += all.scale_step;
        }
        bias += 4;
        output += 4;
    }
}
