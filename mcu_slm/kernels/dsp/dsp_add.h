/* Sum or difference of two tensors with broadcasting, from tables of their terms. */
#ifndef DSP_ADD_H
#define DSP_ADD_H

#include <stdint.h>

typedef struct {
    int32_t lengths[4]; /* nested loops, outermost first */
    int32_t steps1[4];  /* elements of input 1 per loop, 1 in the innermost */
    int32_t steps2[4];  /* elements of input 2 per loop; 0 where it is repeated */
    const int32_t *terms1; /* terms1[-128] .. terms1[127]: twice the inputs at the common scale, with their sign */
    const int32_t *terms2;
    int32_t multiplier;
    int32_t offset; /* the zero point and half a step, before the shift */
    int32_t shift; /* to the right, at least 1 */
    int32_t act_min;
    int32_t act_max;
} mcu_slm_dsp_add_t;

void mcu_slm_dsp_add(const mcu_slm_dsp_add_t *layer, const int8_t *input1, const int8_t *input2, int8_t *output);

#endif
