/* Batched matrix product of two activations. A side that is transposed, or lies between other values, differs only in its steps. */
#include "batch_matmul_s8.h"

#include "requantize.h"

static void multiply_matrices(const mcu_slm_batch_matmul_t *layer, const int8_t *lhs,
                              const int8_t *rhs, int8_t *output)
{
    for (int32_t row = 0; row < layer->rows; row++) {
        for (int32_t column = 0; column < layer->columns; column++) {
            const int8_t *a = lhs + row * layer->lhs_row_step;
            const int8_t *b = rhs + column * layer->rhs_column_step;
            int32_t acc = 0;

            for (int32_t k = 0; k < layer->depth; k++) {
                acc += (*a - layer->lhs_zero_point) * (*b - layer->rhs_zero_point);
                a += layer->lhs_depth_step;
                b += layer->rhs_depth_step;
            }
            acc = mcu_slm_requantize(acc, layer->multiplier, layer->shift);
            output[column] = mcu_slm_clamp_s8(acc + layer->output_zero_point, INT8_MIN, INT8_MAX);
        }
        output += layer->output_row_step;
    }
}

void mcu_slm_batch_matmul_s8(const mcu_slm_batch_matmul_t *layer, const int8_t *lhs,
                             const int8_t *rhs, int8_t *output)
{
    const int32_t *n = layer->batch_lengths;
    const int32_t *l = layer->lhs_batch_steps;
    const int32_t *r = layer->rhs_batch_steps;
    const int32_t *o = layer->output_batch_steps;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            for (int32_t k = 0; k < n[2]; k++) {
                for (int32_t m = 0; m < n[3]; m++) {
                    multiply_matrices(layer, lhs + i * l[0] + j * l[1] + k * l[2] + m * l[3],
                                      rhs + i * r[0] + j * r[1] + k * r[2] + m * r[3],
                                      output + i * o[0] + j * o[1] + k * o[2] + m * o[3]);
                }
            }
        }
    }
}
