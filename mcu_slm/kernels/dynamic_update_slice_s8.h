#ifndef MCU_SLM_DYNAMIC_UPDATE_SLICE_S8_H
#define MCU_SLM_DYNAMIC_UPDATE_SLICE_S8_H

#include <stdint.h>

typedef struct {
    int32_t count;      /* elements of input and output */
    int32_t rank;       /* axes that the model knows: the last ones of those below */
    int32_t lengths[5]; /* of the box, outermost axis first */
    int32_t steps[5];   /* elements of the output per step along each axis */
    int32_t last[5];    /* the last start at which the box fits */
} mcu_slm_dynamic_update_slice_t;

/* starts: [rank], any values; those that do not fit count as the nearest that do. */
void mcu_slm_dynamic_update_slice_s8(const mcu_slm_dynamic_update_slice_t *layer,
                                     const int8_t *input, const int8_t *box, const int32_t *starts,
                                     int8_t *output);

#endif
