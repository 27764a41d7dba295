/* A layer over time, filter by filter: what a filter remembers moves on by one value, then is weighted and summed. Sums over
 * time wrap around in 32 bits, so they are unsigned here; the latest value is clamped before the zero point is added, and wraps
 * around in the memory's type. */
#include "svdf_s8.h"

#include "requantize.h"

/* What a filter makes of the input of this step, without the memory's zero point */
static int32_t latest_of(const mcu_slm_svdf_t *layer, const int8_t *input, const int8_t *feature)
{
    int32_t acc = 0;

    for (int32_t i = 0; i < layer->inputs; i++) {
        acc += (input[i] - layer->input_zero_point) * feature[i];
    }
    return mcu_slm_requantize(acc, layer->memory_multiplier, layer->memory_shift);
}

static uint32_t weighted(int32_t weight, int32_t value, int32_t zero_point)
{
    return (uint32_t)weight * (uint32_t)(value - zero_point);
}

static uint32_t remember_s16(const mcu_slm_svdf_t *layer, int16_t *memory, const int16_t *time,
                             int32_t latest)
{
    const int32_t last = layer->steps - 1;
    uint32_t acc = 0;

    for (int32_t t = 0; t < last; t++) {
        memory[t] = memory[t + 1];
        acc += weighted(time[t], memory[t], layer->memory_zero_point);
    }
    latest = latest > INT16_MAX ? INT16_MAX : latest;
    latest = latest < INT16_MIN ? INT16_MIN : latest;
    memory[last] = (int16_t)(uint16_t)(latest + layer->memory_zero_point);
    return acc + weighted(time[last], memory[last], layer->memory_zero_point);
}

static uint32_t remember_s8(const mcu_slm_svdf_t *layer, int8_t *memory, const int8_t *time,
                            int32_t latest)
{
    const int32_t last = layer->steps - 1;
    uint32_t acc = 0;

    for (int32_t t = 0; t < last; t++) {
        memory[t] = memory[t + 1];
        acc += weighted(time[t], memory[t], layer->memory_zero_point);
    }
    latest = mcu_slm_clamp_s8(latest, INT8_MIN, INT8_MAX);
    memory[last] = (int8_t)(uint8_t)(latest + layer->memory_zero_point);
    return acc + weighted(time[last], memory[last], layer->memory_zero_point);
}

/* The sum over time of one filter of one batch, after this step */
static uint32_t step(const mcu_slm_svdf_t *layer, const int8_t *input, int8_t *memory,
                     int32_t batch, int32_t filter)
{
    const int32_t filters = layer->units * layer->rank;
    const int32_t place = (batch * filters + filter) * layer->steps;
    const int32_t row = filter * layer->steps;
    const int32_t latest = latest_of(layer, input, layer->feature + filter * layer->inputs);

    if (layer->time_s16) {
        int16_t *wide = (int16_t *)(void *)memory;
        return remember_s16(layer, wide + place, layer->time_s16 + row, latest);
    }
    return remember_s8(layer, memory + place, layer->time_s8 + row, latest);
}

void mcu_slm_svdf_s8(const mcu_slm_svdf_t *layer, const int8_t *input, int8_t *memory,
                     int8_t *output)
{
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        for (int32_t unit = 0; unit < layer->units; unit++) {
            uint32_t acc = (uint32_t)layer->bias[unit];

            for (int32_t r = 0; r < layer->rank; r++) {
                acc += step(layer, input, memory, batch, unit * layer->rank + r);
            }
            const int32_t scaled = mcu_slm_requantize((int32_t)acc, layer->output_multiplier,
                                                      layer->output_shift);
            output[unit] = mcu_slm_clamp_s8(scaled + layer->output_zero_point, INT8_MIN, INT8_MAX);
        }
        input += layer->inputs;
        output += layer->units;
    }
}
