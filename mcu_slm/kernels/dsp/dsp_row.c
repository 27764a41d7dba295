/* One row: inputs in the order in which SXTB16 gives them, and two output channels at a time. */
#include "dsp_row.h"

#include "dsp_instructions.h"

static inline uint32_t *widen_word(const int8_t *row, uint32_t *widened)
{
    const uint32_t word = mcu_slm_load_word(row);

    *widened++ = mcu_slm_sxtb16(word);
    *widened++ = mcu_slm_sxtb16_ror8(word);
    return widened;
}

/* Sixteen bytes at a time, of at least as many; returns the place for what follows. */
static uint32_t *widen_words(const int8_t *row, const int8_t *end, uint32_t *widened)
{
#if MCU_SLM_DSP_ASSEMBLY
    register const int8_t *x __asm__("r0") = row;
    register uint32_t *y __asm__("r1") = widened;
    register const int8_t *last __asm__("r2") = end;

    __asm__ volatile(
        ".p2align 2                  \n"
        "1:                          \n"
        "ldr.w  r12, [r0, #12]       \n" /* loads behind one another take a cycle less */
        "ldr.w  r9, [r0, #8]         \n"
        "ldr.w  r6, [r0, #4]         \n"
        "ldr.w  r4, [r0], #16        \n"
        "sxtb16 r10, r12             \n"
        "sxtb16 r12, r12, ror #8     \n"
        "sxtb16 r8, r9               \n"
        "sxtb16 r9, r9, ror #8       \n"
        "sxtb16 r5, r6               \n"
        "sxtb16 r6, r6, ror #8       \n"
        "sxtb16 r3, r4               \n"
        "sxtb16 r4, r4, ror #8       \n"
        "stmia  r1!, {r3-r6, r8-r10, r12} \n"
        "cmp    r0, r2               \n"
        "bne    1b                   \n"
        : "+r"(x), "+r"(y)
        : "r"(last)
        : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "cc", "memory");
    return y;
#else
    for (; row != end; row += 4) {
        widened = widen_word(row, widened);
    }
    return widened;
#endif
}

void mcu_slm_dsp_widen_row(const int8_t *row, int32_t depth, uint32_t *widened)
{
    const uint32_t count = (uint32_t)depth;

    if (count >= 16) {
        const int8_t *end = row + count / 16 * 16;

        widened = widen_words(row, end, widened);
        row = end;
    }
    for (uint32_t left = count % 16 / 4; left > 0; left--) {
        widened = widen_word(row, widened);
        row += 4;
    }
    if (count % 4 != 0) {
        const int32_t last = (int32_t)(count % 4) - 1;

        *widened++ = mcu_slm_halves(row[0], last > 0 ? row[last] : 0);
        if (last == 2) {
            *widened = mcu_slm_halves(row[1], 0);
        }
    }
}

/* Two channels, or a last one alone. */
static void multiply_pair(const mcu_slm_matrix_t *matrix, const uint32_t *row, const uint32_t *weights, int32_t channel, int8_t *output)
{
    int32_t t = matrix->bias[channel];
    int32_t b = matrix->bias[channel + 1];

    for (const uint32_t *end = weights + matrix->pairs; weights != end; weights++) {
        t = mcu_slm_smlad(*weights, *row, t);
        b = mcu_slm_smlad(mcu_slm_sxtb16(*weights), *row, b);
        row++;
    }
    mcu_slm_dsp_store_pair(matrix, t, b, channel, output);
}

void mcu_slm_dsp_multiply_pairs(const mcu_slm_matrix_t *matrix, const uint32_t *row, const uint32_t *weights, int32_t first,
                                int8_t *output)
{
    for (int32_t channel = first; channel < matrix->channels; channel += 2) {
        multiply_pair(matrix, row, weights, channel, output);
        weights += matrix->pairs;
    }
}
