#ifndef MCU_SLM_BATCH_MATMUL_S8_H
#define MCU_SLM_BATCH_MATMUL_S8_H

#include <stdint.h>

typedef struct {
    int32_t batch_lengths[4]; /* nested loops over the batch axes, outermost first */
    int32_t lhs_batch_steps[4];
    int32_t rhs_batch_steps[4]; /* elements; 0 where a side is repeated */
    int32_t output_batch_steps[4];
    int32_t rows;
    int32_t depth;
    int32_t columns;
    int32_t lhs_row_step;
    int32_t lhs_depth_step;
    int32_t rhs_depth_step;
    int32_t rhs_column_step;
    int32_t output_row_step;
    int32_t lhs_zero_point;
    int32_t rhs_zero_point;
    int32_t output_zero_point;
    int32_t multiplier;
    int32_t shift;
} mcu_slm_batch_matmul_t;

/* output [batches][rows][columns] = lhs (rows x depth) * rhs (depth x columns), all of them walked by their steps */
void mcu_slm_batch_matmul_s8(const mcu_slm_batch_matmul_t *layer, const int8_t *lhs,
                             const int8_t *rhs, int8_t *output);

#endif
