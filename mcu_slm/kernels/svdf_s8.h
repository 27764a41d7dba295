#ifndef MCU_SLM_SVDF_S8_H
#define MCU_SLM_SVDF_S8_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t inputs;
    int32_t units;
    int32_t rank;  /* filters per unit */
    int32_t steps; /* values that a filter remembers */
    int32_t input_zero_point;
    int32_t memory_zero_point;
    int32_t output_zero_point;
    int32_t memory_multiplier;
    int32_t memory_shift;
    int32_t output_multiplier;
    int32_t output_shift;
    const int8_t *feature;   /* [units][rank][inputs] */
    const int16_t *time_s16; /* [units][rank][steps], or null: the memory is of the type of the */
    const int8_t *time_s8;   /* one that is there */
    const int32_t *bias;     /* [units] */
} mcu_slm_svdf_t;

/* One step in time. input [batches][inputs], memory [batches][units][rank][steps] kept from one call to the next and aligned
 * to its type, output [batches][units] */
void mcu_slm_svdf_s8(const mcu_slm_svdf_t *layer, const int8_t *input, int8_t *memory,
                     int8_t *output);

#endif
