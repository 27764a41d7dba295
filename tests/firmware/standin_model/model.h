/* A hand-written stand-in with the C interface of a compiled model: three weighted sums, scaled. */
#ifndef MCU_SLM_MODEL_H
#define MCU_SLM_MODEL_H

#include <stdint.h>

#define MCU_SLM_MODEL_INPUT_BYTES 24u
#define MCU_SLM_MODEL_OUTPUT_BYTES 3u
#define MCU_SLM_MODEL_ARENA_BYTES 64u
#define MCU_SLM_MODEL_STATE_BYTES 0u
#define MCU_SLM_MODEL_CLASS_COUNT 3u
#define MCU_SLM_MODEL_COUNTS 0
#define MCU_SLM_MODEL_TASK 0
#define MCU_SLM_MODEL_UNIT ""

extern const char *const mcu_slm_model_labels[];
extern const uint8_t mcu_slm_model_sha256[32];

int8_t *mcu_slm_model_input(void);
const int8_t *mcu_slm_model_output(void);
void mcu_slm_model_reset(void);
void mcu_slm_model_run(void);
void mcu_slm_model_predict(const int8_t *input, int8_t *output);

#endif
