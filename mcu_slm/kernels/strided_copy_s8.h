#ifndef MCU_SLM_STRIDED_COPY_S8_H
#define MCU_SLM_STRIDED_COPY_S8_H

#include <stdint.h>

typedef struct {
    int32_t offset;     /* the first element that is read */
    int32_t lengths[5]; /* loops over the output, outermost first */
    int32_t steps[5];   /* elements of the input per turn of each loop; 0 repeats, below 0 goes back */
} mcu_slm_strided_copy_t;

void mcu_slm_strided_copy_s8(const mcu_slm_strided_copy_t *layer, const int8_t *input,
                             int8_t *output);

#endif
