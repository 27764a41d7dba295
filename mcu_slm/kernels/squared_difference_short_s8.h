#ifndef MCU_SLM_SQUARED_DIFFERENCE_SHORT_S8_H
#define MCU_SLM_SQUARED_DIFFERENCE_SHORT_S8_H

#include <stdint.h>

typedef struct {
    int32_t lengths[4]; /* nested loops, outermost first */
    int32_t steps1[4];  /* elements of input 1 per loop, 1 in the innermost */
    int32_t steps2[4];  /* elements of input 2 per loop; 0 where it is repeated */
    const int16_t *terms1; /* terms1[-128] .. terms1[127]: inputs at the common scale */
    const int16_t *terms2;
    int32_t multiplier;
    int32_t addend; /* zero point of the output and one half, before the last shift */
    int32_t right_shift;
} mcu_slm_squared_difference_short_t;

void mcu_slm_squared_difference_short_s8(const mcu_slm_squared_difference_short_t *layer, const int8_t *input1,
                                         const int8_t *input2, int8_t *output);

#endif
