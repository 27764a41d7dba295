/* The number of the largest or the smallest element along one axis; of the first among equals. */
#include "arg_extremum_s8.h"

static int32_t place_of_extremum(const mcu_slm_arg_extremum_t *layer, const int8_t *input)
{
    int8_t best = input[0];
    int32_t place = 0;

    for (int32_t i = 1; i < layer->length; i++) {
        const int8_t x = input[i * layer->inner];

        if (layer->larger != 0 ? x > best : x < best) {
            best = x;
            place = i;
        }
    }
    return place;
}

void mcu_slm_arg_extremum_s8(const mcu_slm_arg_extremum_t *layer, const int8_t *input,
                             int32_t *output)
{
    for (int32_t i = 0; i < layer->outer; i++) {
        for (int32_t j = 0; j < layer->inner; j++) {
            *output++ = place_of_extremum(layer, input + i * layer->length * layer->inner + j);
        }
    }
}
