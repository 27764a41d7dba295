/* A row times a matrix, four columns at a time: their bytes lie side by side and are widened where they are multiplied.
 *
 * The row counts twice, so that SMMLAR rounds its sums times the multiplier as TensorFlow Lite Micro does; the shift after it rounds ties away
 * from zero, which is what adding the sign does. */
#include "dsp_row_product.h"

#include "dsp_instructions.h"

static int8_t rescale(const mcu_slm_row_product_t *layer, int32_t sum)
{
    const int32_t offset = layer->offset + (sum < 0 ? -1 : 0);

    return (int8_t)mcu_slm_ssat8(mcu_slm_smmlar(sum, layer->multiplier, offset) >> layer->shift);
}

/* Twice the row less its zero point, two values in a word. */
static void widen_row(const mcu_slm_row_product_t *layer, const int8_t *row, uint32_t *pairs)
{
    for (int32_t k = 0; k < layer->depth; k += 2) {
        const int32_t first = row[k] - layer->row_zero_point;
        const int32_t second = k + 1 < layer->depth ? row[k + 1] - layer->row_zero_point : 0;

        pairs[k / 2] = mcu_slm_halves(2 * first, 2 * second);
    }
}

/* Adds the products of two values of the row, and two rows of four columns each. */
static inline void add_products(uint32_t x, uint32_t w0, uint32_t w1, uint32_t centre, int32_t *sums)
{
    const uint32_t even0 = mcu_slm_sxtab16(centre, w0);
    const uint32_t even1 = mcu_slm_sxtab16(centre, w1);
    const uint32_t odd0 = mcu_slm_sxtab16_ror8(centre, w0);
    const uint32_t odd1 = mcu_slm_sxtab16_ror8(centre, w1);

    sums[0] = mcu_slm_smlad(x, mcu_slm_low_halves(even0, even1), sums[0]);
    sums[1] = mcu_slm_smlad(x, mcu_slm_low_halves(odd0, odd1), sums[1]);
    sums[2] = mcu_slm_smlad(x, mcu_slm_high_halves(even0, even1), sums[2]);
    sums[3] = mcu_slm_smlad(x, mcu_slm_high_halves(odd0, odd1), sums[3]);
}

static void four_columns(const mcu_slm_row_product_t *layer, const uint32_t *pairs,
                         const int8_t *matrix, int8_t *output)
{
    const uint32_t centre = mcu_slm_halves(-layer->matrix_zero_point, -layer->matrix_zero_point);
    const int32_t columns = layer->columns;
    int32_t sums[4] = {0, 0, 0, 0};

    for (const uint32_t *end = pairs + layer->depth / 2; pairs != end; pairs++) {
        const uint32_t w0 = mcu_slm_load_word(matrix);
        const uint32_t w1 = mcu_slm_load_word(matrix + columns);

        add_products(*pairs, w0, w1, centre, sums);
        matrix += 2 * columns;
    }
    if (layer->depth % 2 > 0) { /* the second factor is 0 */
        add_products(*pairs, mcu_slm_load_word(matrix), 0, centre, sums);
    }
    for (int32_t c = 0; c < 4; c++) {
        output[c] = rescale(layer, sums[c]);
    }
}

static void one_column(const mcu_slm_row_product_t *layer, const uint32_t *pairs,
                       const int8_t *matrix, int8_t *output)
{
    int32_t sum = 0;

    for (int32_t k = 0; k < layer->depth; k++) {
        const uint32_t x = pairs[k / 2];
        const int32_t factor = k % 2 == 0 ? mcu_slm_low_half(x) : mcu_slm_high_half(x);

        sum += factor * (matrix[k * layer->columns] - layer->matrix_zero_point);
    }
    *output = rescale(layer, sum);
}

void mcu_slm_dsp_row_product(const mcu_slm_row_product_t *layer, const int8_t *row,
                             const int8_t *matrix, int8_t *output, uint32_t *pairs)
{
    int32_t column = 0;

    widen_row(layer, row, pairs);
    for (; column + 4 <= layer->columns; column += 4) {
        four_columns(layer, pairs, matrix + column, output + column);
    }
    for (; column < layer->columns; column++) {
        one_column(layer, pairs, matrix + column, output + column);
    }
}
