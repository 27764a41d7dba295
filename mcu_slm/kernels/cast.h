#ifndef MCU_SLM_CAST_H
#define MCU_SLM_CAST_H

#include <stdint.h>

#include "elements.h"

typedef struct {
    int32_t count;
    mcu_slm_type_t input_type; /* truth values are U8 */
    mcu_slm_type_t output_type; /* S8, S16, S32 or F32 */
} mcu_slm_cast_t;

void mcu_slm_cast(const mcu_slm_cast_t *layer, const void *input, void *output);

#endif
