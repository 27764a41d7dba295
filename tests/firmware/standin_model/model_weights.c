#include "model_weights.h"

const int8_t mcu_slm_standin_weights[3][24] = {
    {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12, 13, -14, 15, -16, 17, -18, 19, -20, 21, -22, 23, -24},
    {7, 7, 7, 7, 7, 7, 7, 7, -7, -7, -7, -7, -7, -7, -7, -7, 7, 7, 7, 7, 7, 7, 7, 7},
    {100, 0, 0, -100, 0, 0, 100, 0, 0, -100, 0, 0, 100, 0, 0, -100, 0, 0, 100, 0, 0, -100, 0, 0},
};

const struct mcu_slm_constants mcu_slm_model_constants[MCU_SLM_MODEL_CONSTANT_ARRAYS] = {
    {mcu_slm_standin_weights, 72},
};

const uint32_t mcu_slm_model_constants_crc32 = 0xCAF9086Eu;
