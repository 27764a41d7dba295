/* Both sides of a matrix product as dsp_bmm reads them: widened to 16 bits, zero points removed. */
#ifndef DSP_OPERANDS_H
#define DSP_OPERANDS_H

#include <stdint.h>

/* Vectors of `depth` bytes each, `vector_step` bytes from one to the next and `depth_step` between the bytes of one. */
typedef struct {
    int32_t depth;
    int32_t words; /* pairs of a vector when it is widened: the missing ones are zero */
    int32_t vector_step;
    int32_t depth_step;
    int32_t zero_point;
} mcu_slm_operand_t;

/* Twice the rows less the zero point, two rows side by side: for each pair of values a word of the first row, then one of the second. The
 * last row stands for its missing neighbour. */
void mcu_slm_dsp_operand_rows(const mcu_slm_operand_t *operand, const int8_t *source, int32_t count,
                              uint32_t *rows);

/* The columns less the zero point, four side by side: for each pair of values four words. Missing columns are zero. */
void mcu_slm_dsp_operand_quads(const mcu_slm_operand_t *operand, const int8_t *source,
                               int32_t count, uint32_t *quads);

#endif
