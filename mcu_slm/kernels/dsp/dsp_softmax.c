/* Softmax by table, as softmax_s8.c, four values at a time.
 *
 * Half a step and the exponential e times the row's scale, rounded, is one SMMLAR: the scale, 2^31 or more, is taken as the negative number
 * scale - 2^32, and e * 2^32, which that lacks, is e more in the sum. Sums wrap modulo 2^32, the result fits.
 */
#include "dsp_softmax.h"

#include "dsp_instructions.h"
#include "softmax_share.h"

/* The largest of whole fours, byte by byte. */
static uint32_t largest_bytes(const int8_t *x, const int8_t *end)
{
#if MCU_SLM_DSP_ASSEMBLY
    register const int8_t *from __asm__("r0") = x;
    register const int8_t *last __asm__("r1") = end;
    register uint32_t most __asm__("r2") = 0x80808080U;

    __asm__ volatile(
        ".p2align 2                  \n"
        "1:                          \n"
        "ldr.w  r3, [r0], #4         \n"
        "ssub8  r12, r2, r3          \n"
        "sel    r2, r2, r3           \n"
        "cmp    r0, r1               \n"
        "bne    1b                   \n"
        : "+r"(from), "+r"(most)
        : "r"(last)
        : "r3", "r12", "cc", "memory");
#else
    uint32_t most = 0x80808080U;

    for (; x != end; x += 4) {
        most = mcu_slm_largest_bytes(most, mcu_slm_load_word(x));
    }
#endif
    return most;
}

/* A sum with one more exponential, rounded to Q12.19. */
static inline uint32_t with_rounded(uint32_t sum, int32_t exponential)
{
    return (uint32_t)mcu_slm_smmlar(exponential, (int32_t)1 << (32 - MCU_SLM_SUM_INTEGER_BITS), (int32_t)sum);
}

/* Of whole fours, in Q12.19; exponentials[x] for x in -128 .. 127. */
static uint32_t sum_fours(const int32_t *exponentials, const int8_t *x, const int8_t *end)
{
#if MCU_SLM_DSP_ASSEMBLY
    register const int8_t *from __asm__("r0") = x;
    register const int8_t *last __asm__("r1") = end;
    register const int32_t *table __asm__("r2") = exponentials;
    register uint32_t sum __asm__("r3") = 0;
    register int32_t one __asm__("r12") = (int32_t)1 << (32 - MCU_SLM_SUM_INTEGER_BITS);

    __asm__ volatile(
        ".p2align 2                  \n"
        "1:                          \n"
        "ldr.w  lr, [r0], #4         \n"
        "sxtb.w r4, lr               \n"
        "sxtb.w r5, lr, ror #8       \n"
        "sxtb.w r8, lr, ror #16      \n"
        "asr.w  lr, lr, #24          \n"
        "ldr.w  r4, [r2, r4, lsl #2] \n" /* loads behind one another take a cycle less */
        "ldr.w  r5, [r2, r5, lsl #2] \n"
        "ldr.w  r8, [r2, r8, lsl #2] \n"
        "ldr.w  lr, [r2, lr, lsl #2] \n"
        "smmlar r3, r4, r12, r3      \n"
        "smmlar r3, r5, r12, r3      \n"
        "smmlar r3, r8, r12, r3      \n"
        "smmlar r3, lr, r12, r3      \n"
        "cmp    r0, r1               \n"
        "bne    1b                   \n"
        : "+r"(from), "+r"(sum)
        : "r"(last), "r"(table), "r"(one)
        : "r4", "r5", "r8", "lr", "cc", "memory");
#else
    uint32_t sum = 0;

    for (; x != end; x++) {
        sum = with_rounded(sum, exponentials[*x]);
    }
#endif
    return sum;
}

/* 1 / (1 + x) for a mantissa of 1 + x in Q1.31, as mcu_slm_one_over_one_plus_x, whose products of an unsigned denominator are taken apart
 * as above. */
static int32_t reciprocal(uint32_t mantissa)
{
    const uint32_t denominator = mantissa & ~(uint32_t)1;
    int32_t y = mcu_slm_smmlar((int32_t)(denominator >> 1), 2 * MCU_SLM_NEWTON_SLOPE, MCU_SLM_NEWTON_OFFSET);

#pragma GCC unroll 3
    for (int32_t step = 0; step < 3; step++) {
        const int32_t error = ((int32_t)1 << 29) - mcu_slm_smmlar(y, (int32_t)denominator, y);

        y += 4 * mcu_slm_smmlar(y, 2 * error, 0);
    }
    return y > INT32_MAX / 2 ? INT32_MAX : 2 * y;
}

/* Whole fours of a row, nothing repeated by the assembler: by its lines the compiler tells how long it is. As 0 .. 255 less 128; the scale's upper bit is set. */
static void write_fours(const int32_t *exponentials, const int8_t *x, const int8_t *end, mcu_slm_share_t share, int8_t *y)
{
    const uint32_t half = 1U << (share.shift - 1);

#if MCU_SLM_DSP_ASSEMBLY
    register const int8_t *from __asm__("r0") = x;
    register const int8_t *last __asm__("r1") = end;
    register const int32_t *table __asm__("r2") = exponentials;
    register int8_t *to __asm__("r3") = y;
    register uint32_t scale __asm__("r12") = share.scale;
    register int32_t shift __asm__("lr") = share.shift;
    register uint32_t addend __asm__("r4") = half;

    __asm__ volatile(
        ".p2align 2                  \n"
        "1:                          \n"
        "ldr.w  r8, [r0], #4         \n"
        "sxtb.w r5, r8               \n"
        "sxtb.w r6, r8, ror #8       \n"
        "sxtb.w r10, r8, ror #16     \n"
        "asr.w  r8, r8, #24          \n"
        "ldr.w  r5, [r2, r5, lsl #2] \n"
        "ldr.w  r6, [r2, r6, lsl #2] \n"
        "ldr.w  r10, [r2, r10, lsl #2]\n"
        "ldr.w  r8, [r2, r8, lsl #2] \n"
        "add.w  r9, r4, r5           \n"
        "smmlar r5, r5, r12, r9      \n"
        "lsr.w  r5, r5, lr           \n" /* 0 .. 256 */
        "add.w  r9, r4, r6           \n"
        "smmlar r6, r6, r12, r9      \n"
        "lsr.w  r6, r6, lr           \n"
        "add.w  r9, r4, r10          \n"
        "smmlar r10, r10, r12, r9    \n"
        "lsr.w  r10, r10, lr         \n"
        "add.w  r9, r4, r8           \n"
        "smmlar r8, r8, r12, r9      \n"
        "lsr.w  r8, r8, lr           \n"
        "orr.w  r5, r5, r10, lsl #16 \n"
        "orr.w  r6, r6, r8, lsl #16  \n"
        "usat16 r5, #8, r5           \n"
        "usat16 r6, #8, r6           \n"
        "orr.w  r5, r5, r6, lsl #8   \n"
        "eor.w  r5, r5, #0x80808080  \n"
        "str.w  r5, [r3], #4         \n"
        "cmp    r0, r1               \n"
        "bne    1b                   \n"
        : "+r"(from), "+r"(to)
        : "r"(last), "r"(table), "r"(scale), "r"(shift), "r"(addend)
        : "r5", "r6", "r8", "r9", "r10", "cc", "memory");
#else
    for (; x != end; x++) {
        const int32_t exponential = exponentials[*x];
        const int32_t addend = (int32_t)(half + (uint32_t)exponential);
        const uint32_t steps = (uint32_t)mcu_slm_smmlar(exponential, (int32_t)share.scale, addend) >> share.shift;

        *y++ = (int8_t)((int32_t)(steps - (steps >> 8)) + INT8_MIN);
    }
#endif
}

/* Of a row's `depth` values come `whole` in fours; both functions go on with the others one by one. */
static inline int32_t maximum(const int8_t *x, uint32_t whole, uint32_t depth)
{
    int32_t most = INT8_MIN;

    if (whole > 0) {
        const uint32_t four = largest_bytes(x, x + whole);
        const uint32_t two = mcu_slm_largest_bytes(four, four >> 16);

        most = (int8_t)mcu_slm_largest_bytes(two, two >> 8);
    }
    for (uint32_t i = whole; i < depth; i++) {
        most = x[i] > most ? x[i] : most;
    }
    return most;
}

static inline uint32_t sum_exponentials(const int32_t *exponentials, const int8_t *x, uint32_t whole, uint32_t depth)
{
    uint32_t sum = whole > 0 ? sum_fours(exponentials, x, x + whole) : 0;

    for (uint32_t i = whole; i < depth; i++) {
        sum = with_rounded(sum, exponentials[x[i]]);
    }
    return sum;
}

void mcu_slm_dsp_softmax(const mcu_slm_dsp_softmax_t *layer, const int8_t *input, int8_t *output)
{
    const uint32_t depth = (uint32_t)layer->depth;
    const uint32_t whole = depth / 4 * 4;
    const int32_t *table = layer->exp_table;

    for (const int8_t *end = input + (uint32_t)layer->rows * depth; input != end; input += depth) {
        const int32_t *exponentials = table + (255 - maximum(input, whole, depth)); /* exp(x - maximum) */
        const uint32_t sum = sum_exponentials(exponentials, input, whole, depth);
        const int32_t headroom = mcu_slm_leading_zeros(sum);
        const mcu_slm_share_t share = mcu_slm_share_of(headroom, reciprocal(sum << headroom), 8);
        const uint32_t in_fours = share.scale >> 31 != 0 ? whole : 0;

        if (in_fours > 0) {
            write_fours(exponentials, input, input + in_fours, share, output);
        }
        for (uint32_t i = in_fours; i < depth; i++) {
            const uint32_t exponential = (uint32_t)exponentials[input[i]];

            output[i] = (int8_t)(mcu_slm_probability(exponential, share, 8) + INT8_MIN);
        }
        output += depth;
    }
}
