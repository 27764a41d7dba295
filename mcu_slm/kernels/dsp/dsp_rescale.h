/* The short way from a sum, times 256, to int8; the compiler has proved that it equals the two roundings of TensorFlow Lite Micro. */
#ifndef DSP_RESCALE_H
#define DSP_RESCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "dsp_instructions.h"

/* A channel's three numbers (multiplier, offset, correction or extra shift) from one word: it is the multiplier, and its last three bits
 * say how fine the judge rounds. A negative word says how far behind `words` the numbers stand themselves. */
static inline void mcu_slm_dsp_unpack(const int32_t *words, int32_t word, int32_t middle, bool is_signed, int32_t *numbers)
{
    if (word < 0) {
        const int32_t *own = words - word;

        numbers[0] = own[0];
        numbers[1] = own[1];
        numbers[2] = own[2];
    } else {
        const int32_t tie = 128 >> (word & 7);

        numbers[0] = word;
        numbers[1] = middle + tie / 2;
        numbers[2] = is_signed ? tie : 0;
    }
}

/* offset + (sum * multiplier >> 32), shifted right; negative sums take the correction, if there is one. */
static inline int32_t mcu_slm_dsp_rescale(int32_t sum, const int32_t *numbers, int32_t third, bool is_signed, int32_t shift)
{
    if (is_signed) {
        const int32_t offset = numbers[1] - (sum < 0 ? third : 0);

        return mcu_slm_ssat8(mcu_slm_smmla(sum, numbers[0], offset) >> shift);
    }
    return mcu_slm_ssat8(mcu_slm_smmla(sum, numbers[0], numbers[1]) >> (third + shift));
}

#endif
