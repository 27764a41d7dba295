/* Averages over an image, eight channels at a time: two bytes of a word are widened and added by one instruction (SXTAB16).
 *
 * A sum of up to 255 bytes lies between -32,640 and 32,385, so 16 bits hold it.
 */
#include "dsp_global_average.h"

#include "dsp_instructions.h"
#include "requantize.h"

/* The mean, halves away from zero, after the activation. */
static int8_t divided(const mcu_slm_dsp_global_average_t *layer, int32_t sum)
{
    const int32_t half = layer->pixels / 2;
    const int32_t mean = (sum > 0 ? sum + half : sum - half) / layer->pixels;

    return mcu_slm_clamp_s8(mean, layer->act_min, layer->act_max);
}

/* The sums of channels 0 and 2 of four lie in `even`, those of 1 and 3 in `odd`. */
static void store_four(const mcu_slm_dsp_global_average_t *layer, uint32_t even, uint32_t odd,
                       int8_t *output)
{
    output[0] = divided(layer, mcu_slm_low_half(even));
    output[1] = divided(layer, mcu_slm_low_half(odd));
    output[2] = divided(layer, mcu_slm_high_half(even));
    output[3] = divided(layer, mcu_slm_high_half(odd));
}

static void average_eight(const mcu_slm_dsp_global_average_t *layer, const int8_t *x,
                          int8_t *output)
{
    uint32_t even0 = 0;
    uint32_t odd0 = 0;
    uint32_t even1 = 0;
    uint32_t odd1 = 0;

    for (int32_t pixel = layer->pixels; pixel > 0; pixel--) {
        const uint32_t word0 = mcu_slm_load_word(x);
        const uint32_t word1 = mcu_slm_load_word(x + 4);

        even0 = mcu_slm_sxtab16(even0, word0);
        odd0 = mcu_slm_sxtab16_ror8(odd0, word0);
        even1 = mcu_slm_sxtab16(even1, word1);
        odd1 = mcu_slm_sxtab16_ror8(odd1, word1);
        x += layer->channels;
    }
    store_four(layer, even0, odd0, output);
    store_four(layer, even1, odd1, output + 4);
}

static int8_t average_one(const mcu_slm_dsp_global_average_t *layer, const int8_t *x)
{
    int32_t sum = 0;

    for (int32_t pixel = layer->pixels; pixel > 0; pixel--) {
        sum += *x;
        x += layer->channels;
    }
    return divided(layer, sum);
}

void mcu_slm_dsp_global_average(const mcu_slm_dsp_global_average_t *layer, const int8_t *input,
                                int8_t *output)
{
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        int32_t channel = 0;

        for (; channel + 8 <= layer->channels; channel += 8) {
            average_eight(layer, input + channel, output + channel);
        }
        for (; channel < layer->channels; channel++) {
            output[channel] = average_one(layer, input + channel);
        }
        input += layer->pixels * layer->channels;
        output += layer->channels;
    }
}
