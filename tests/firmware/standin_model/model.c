#include "model.h"

#include "model_layers.h"
#include "model_weights.h"

_Alignas(16) int8_t mcu_slm_arena[MCU_SLM_MODEL_ARENA_BYTES];

const char *const mcu_slm_model_labels[] = {"still", "walking", "r\xc3\xbctteln"};
const uint8_t mcu_slm_model_sha256[32] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                          12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
                                          23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
#define SUMS ((int32_t *)(void *)(mcu_slm_arena + 32))

__attribute__((noinline)) void mcu_slm_layer_00_weighted(void)
{
    for (uint32_t o = 0u; o < MCU_SLM_MODEL_OUTPUT_BYTES; o++) {
        int32_t sum = 0;
        for (uint32_t i = 0u; i < MCU_SLM_MODEL_INPUT_BYTES; i++) {
            sum += mcu_slm_arena[i] * mcu_slm_standin_weights[o][i];
        }
        SUMS[o] = sum;
    }
}

__attribute__((noinline)) void mcu_slm_layer_01_scale(void)
{
    for (uint32_t o = 0u; o < MCU_SLM_MODEL_OUTPUT_BYTES; o++) {
        int32_t value = SUMS[o] / 256;
        value = value > 127 ? 127 : value;
        mcu_slm_arena[o] = (int8_t)(value < -128 ? -128 : value);
    }
}

int8_t *mcu_slm_model_input(void)
{
    return mcu_slm_arena;
}

const int8_t *mcu_slm_model_output(void)
{
    return mcu_slm_arena;
}

void mcu_slm_model_reset(void)
{
}

void mcu_slm_model_run(void)
{
    mcu_slm_layer_00_weighted();
    mcu_slm_layer_01_scale();
}

void mcu_slm_model_predict(const int8_t *input, int8_t *output)
{
    for (uint32_t i = 0u; i < MCU_SLM_MODEL_INPUT_BYTES; i++) {
        mcu_slm_arena[i] = input[i];
    }
    mcu_slm_model_run();
    for (uint32_t o = 0u; o < MCU_SLM_MODEL_OUTPUT_BYTES; o++) {
        output[o] = mcu_slm_arena[o];
    }
}
