#ifndef MCU_SLM_TEMPLATE_S8_H
#define MCU_SLM_TEMPLATE_S8_H

#include <stdint.h>

typedef struct {
    int32_t count; /* elements */
} mcu_slm_template_t;

/* Layout and value range of each argument. */
void mcu_slm_template_s8(const mcu_slm_template_t *layer, const int8_t *input, int8_t *output);

#endif
