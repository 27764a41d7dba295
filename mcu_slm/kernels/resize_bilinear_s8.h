#ifndef MCU_SLM_RESIZE_BILINEAR_S8_H
#define MCU_SLM_RESIZE_BILINEAR_S8_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t channels;
    int32_t input_height;
    int32_t input_width;
    int32_t output_height;
    int32_t output_width;
    const int16_t *first_rows;     /* [output_height]: the input rows that a row lies between */
    const int16_t *second_rows;    /* [output_height] */
    const int16_t *row_weights;    /* [output_height]: of the second row, in 1/1024 */
    const int16_t *first_columns;  /* [output_width] */
    const int16_t *second_columns; /* [output_width] */
    const int16_t *column_weights; /* [output_width] */
} mcu_slm_resize_bilinear_t;

/* input  [batches][input_height][input_width][channels]
   output [batches][output_height][output_width][channels] */
void mcu_slm_resize_bilinear_s8(const mcu_slm_resize_bilinear_t *layer, const int8_t *input,
                                int8_t *output);

#endif
