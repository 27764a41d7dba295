/* Sums of products for a block of outputs at a time, each input value being used for all of them.
 *
 * Weights are laid out for that: for every block of outputs, [input][output of the block].
 */
#ifndef MCU_SLM_SUMS_H
#define MCU_SLM_SUMS_H

#include <stdint.h>

#include "requantize.h"
#include "sums_in_registers.h"

#define MCU_SLM_BLOCK 64
#define MCU_SLM_SMALL_BLOCK 16

/* What turns the sums of a layer's outputs into int8. */
typedef struct {
    const int32_t *multiplier; /* Q0.31 mantissa per output channel */
    const int8_t *shift;       /* power of two, positive is left */
    int32_t zero_point;
    int32_t act_min;
    int32_t act_max;
} mcu_slm_rescaling_t;

/* Outputs of the block that starts at number `first`: as many as the compiler has a loop for, or the last few. */
static inline int32_t mcu_slm_block_size(int32_t outputs, int32_t first)
{
    const int32_t left = outputs - first;

    if (left >= MCU_SLM_BLOCK) {
        return MCU_SLM_BLOCK;
    }
    return left < MCU_SLM_SMALL_BLOCK ? left : MCU_SLM_SMALL_BLOCK;
}

static inline void mcu_slm_start_block(int32_t *acc, int32_t size, const int32_t *bias)
{
    for (int32_t o = 0; o < size; o++) {
        acc[o] = bias[o];
    }
}

#if !MCU_SLM_SUMS_IN_REGISTERS

/* acc[o] += sum over i < 4 of (x[i] - zero_point) * weights[i][o], for o < size. */
static inline void mcu_slm_add_four(int32_t *restrict acc, int32_t size, const int8_t *x,
                                    int32_t zero_point, const int8_t *weights)
{
    const int32_t x0 = x[0] - zero_point;
    const int32_t x1 = x[1] - zero_point;
    const int32_t x2 = x[2] - zero_point;
    const int32_t x3 = x[3] - zero_point;
    const int8_t *w0 = weights;
    const int8_t *w1 = w0 + size;
    const int8_t *w2 = w1 + size;
    const int8_t *w3 = w2 + size;

    for (int32_t o = 0; o < size; o++) {
        acc[o] += x0 * w0[o] + x1 * w1[o] + x2 * w2[o] + x3 * w3[o];
    }
}

/* acc[o] += sum over i < count of (x[i] - zero_point) * weights[i][o], for o < size. */
static inline void mcu_slm_add_row(int32_t *restrict acc, int32_t size, const int8_t *x,
                                   int32_t count, int32_t zero_point, const int8_t *weights)
{
    /* Four inputs at a time: the sums are loaded and stored once for them. */
    for (; count >= 4; count -= 4) {
        if (size == MCU_SLM_BLOCK) { /* lengths that the compiler knows */
            mcu_slm_add_four(acc, MCU_SLM_BLOCK, x, zero_point, weights);
        } else if (size == MCU_SLM_SMALL_BLOCK) {
            mcu_slm_add_four(acc, MCU_SLM_SMALL_BLOCK, x, zero_point, weights);
        } else {
            mcu_slm_add_four(acc, size, x, zero_point, weights);
        }
        x += 4;
        weights += 4 * size;
    }
    for (; count > 0; count--) {
        const int32_t x0 = *x++ - zero_point;

        for (int32_t o = 0; o < size; o++) {
            acc[o] += x0 * weights[o];
        }
        weights += size;
    }
}

#endif

/* acc[o] += sum over rows r and i < count of (x[r][i] - zero_point) * weights[r][i][o], for o < size. The sums fit 32 bits, in any
 * order. */
static inline void mcu_slm_add_products(int32_t *acc, int32_t size, const mcu_slm_rows_t *rows,
                                        const int8_t *x, const int8_t *weights)
{
#if MCU_SLM_SUMS_IN_REGISTERS
    int32_t o = 0;

    for (; o + 4 <= size; o += 4) {
        mcu_slm_add_to_four(acc + o, size, rows, x, weights + o);
    }
    for (; o < size; o++) {
        mcu_slm_add_to_one(acc + o, size, rows, x, weights + o);
    }
#else
    for (int32_t row = 0; row < rows->rows; row++) {
        mcu_slm_add_row(acc, size, x, rows->count, rows->zero_point, weights);
        x += rows->x_step;
        weights += rows->weights_step * size;
    }
#endif
}

/* output[o] = clamp(requantize(acc[o]) + zero point) for the block whose first output is number `first`. */
static inline void mcu_slm_store_block(const mcu_slm_rescaling_t *to, const int32_t *acc,
                                       int32_t first, int32_t size, int8_t *output)
{
    const mcu_slm_rescaling_t scale = *to; /* a copy, which writing the output cannot change */
    const int32_t *restrict multiplier = scale.multiplier + first;
    const int8_t *restrict shift = scale.shift + first;

    for (int32_t o = 0; o < size; o++) {
        const int32_t value = mcu_slm_requantize(acc[o], multiplier[o], shift[o]);

        output[o] = mcu_slm_clamp_s8(value + scale.zero_point, scale.act_min, scale.act_max);
    }
}

#endif
