/* A row times a matrix whose columns lie side by side. */
#ifndef DSP_ROW_PRODUCT_H
#define DSP_ROW_PRODUCT_H

#include <stdint.h>

typedef struct {
    int32_t depth;
    int32_t columns;
    int32_t row_zero_point;
    int32_t matrix_zero_point;
    int32_t multiplier;
    int32_t offset; /* of twice the sum times the multiplier: zero point and half a step */
    int32_t shift;  /* to the right */
} mcu_slm_row_product_t;

/* output[columns] = row[depth] * matrix[depth][columns]; `pairs` has room for depth / 2 words, rounded up. */
void mcu_slm_dsp_row_product(const mcu_slm_row_product_t *layer, const int8_t *row,
                             const int8_t *matrix, int8_t *output, uint32_t *pairs);

#endif
