/* Elements of one type as elements of another: integers wrap, real numbers are cut and saturate. */
#include "cast.h"

/* The integer part of a real number, in [low, high]; 0 for what is not a number. */
static int32_t cut(float value, int32_t low, int32_t high)
{
    if (value <= (float)low) {
        return low;
    }
    if (value >= (float)high) {
        return high;
    }
    return value < (float)high ? (int32_t)value : 0;
}

static int32_t load(const mcu_slm_cast_t *layer, const void *input, int32_t i)
{
    if (layer->input_type != MCU_SLM_F32) {
        return mcu_slm_load(input, layer->input_type, i);
    }
    const float value = ((const float *)input)[i];

    if (layer->output_type == MCU_SLM_S8) {
        return cut(value, INT8_MIN, INT8_MAX);
    }
    return layer->output_type == MCU_SLM_S16 ? cut(value, INT16_MIN, INT16_MAX)
                                             : cut(value, INT32_MIN, INT32_MAX);
}

static void store(const mcu_slm_cast_t *layer, void *output, int32_t i, int32_t value)
{
    switch (layer->output_type) {
    case MCU_SLM_S8:
        ((int8_t *)output)[i] = (int8_t)(uint8_t)((uint32_t)value & 0xFFU);
        break;
    case MCU_SLM_S16:
        ((int16_t *)output)[i] = (int16_t)(uint16_t)((uint32_t)value & 0xFFFFU);
        break;
    case MCU_SLM_F32:
        ((float *)output)[i] = (float)value;
        break;
    default:
        ((int32_t *)output)[i] = value;
        break;
    }
}

void mcu_slm_cast(const mcu_slm_cast_t *layer, const void *input, void *output)
{
    if (layer->input_type == MCU_SLM_F32 && layer->output_type == MCU_SLM_F32) {
        for (int32_t i = 0; i < layer->count; i++) {
            ((float *)output)[i] = ((const float *)input)[i];
        }
        return;
    }
    for (int32_t i = 0; i < layer->count; i++) {
        store(layer, output, i, load(layer, input, i));
    }
}
