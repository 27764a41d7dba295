/* Sums of products on cores without vectors: four outputs at a time, their sums in registers over all rows of a window. */
#ifndef MCU_SLM_SUMS_IN_REGISTERS_H
#define MCU_SLM_SUMS_IN_REGISTERS_H

#include <stdint.h>

/* Hosts have vectors: whole blocks of sums in memory suit them better. */
#ifndef MCU_SLM_SUMS_IN_REGISTERS
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define MCU_SLM_SUMS_IN_REGISTERS 1
#else
#define MCU_SLM_SUMS_IN_REGISTERS 0
#endif
#endif

/* Input values that are multiplied, row by row. Weights are laid out [row][value][output of the block]. */
typedef struct {
    int32_t rows;
    int32_t count;        /* values in a row */
    int32_t x_step;       /* from one row to the next */
    int32_t weights_step; /* the same in the weights of one output */
    int32_t zero_point;
} mcu_slm_rows_t;

#if MCU_SLM_SUMS_IN_REGISTERS

/* Not inlined: a function of its own has the registers for itself. */
#define MCU_SLM_OWN_REGISTERS __attribute__((noinline, unused)) static

/* acc[o] += the products for output o < 4 of a block of `size` outputs. */
#if defined(__ARM_ARCH_6M__) && !defined(MCU_SLM_PLAIN_C)

/* What the loop below reads while its registers are taken. */
typedef struct {
    int32_t *acc;
    const int8_t *x;
    const int8_t *weights;
    int32_t size;
    int32_t minus_zero_point;
    int32_t rows;
    int32_t count;
    int32_t fours;        /* as many of them as go four at a time */
    int32_t x_step;       /* from the end of a row to the next */
    int32_t weights_step; /* the same, for all outputs of the block */
} mcu_slm_loop_t;

/* One input value, at x + [index], times the next weight of each output: 15 instructions for 4 products. */
#define MCU_SLM_FOUR_PRODUCTS(index) \
    "ldrsb r2, [r0, " index "]\n" \
    "add r2, lr\n" \
    "ldrsb r3, [r1, r4]\n muls r3, r2\n add r8, r3\n" \
    "ldrsb r3, [r1, r5]\n muls r3, r2\n add r9, r3\n" \
    "ldrsb r3, [r1, r6]\n muls r3, r2\n add r10, r3\n" \
    "ldrsb r3, [r1, r7]\n muls r3, r2\n add r11, r3\n" \
    "add r1, r12\n"

/* Compilers move sums to and fro between the registers that can be multiplied and those that can only be added to; here each stays. */
MCU_SLM_OWN_REGISTERS void mcu_slm_add_to_four(int32_t *acc, int32_t size,
                                               const mcu_slm_rows_t *rows, const int8_t *x,
                                               const int8_t *weights)
{
    mcu_slm_loop_t loop = {
        acc, x, weights, size, -rows->zero_point, rows->rows, rows->count, rows->count & ~3,
        rows->x_step - rows->count, (rows->weights_step - rows->count) * size,
    };

    /* r0 x, r1 weights, r2 value, r3 product, r4-r7 0 to 3, r8-r11 sums, r12 size, lr minus zero point;
     * on the stack: where the fours of a row end, where the row ends, the loop's numbers */
    __asm__ volatile(
        ".syntax unified\n"
        "mov r0, %0\n"
        "push {r4-r7}\n"
        "mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n"
        "push {r4-r7}\n"
        "push {r0}\n"
        "sub sp, #8\n"
        "ldr r1, [r0, #0]\n"
        "ldmia r1!, {r4-r7}\n"
        "mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n"
        "ldr r4, [r0, #12]\n mov r12, r4\n"
        "ldr r4, [r0, #16]\n mov lr, r4\n"
        "ldr r1, [r0, #8]\n"
        "ldr r0, [r0, #4]\n"
        "movs r4, #0\n movs r5, #1\n movs r6, #2\n movs r7, #3\n"
        "1: ldr r3, [sp, #8]\n"
        "ldr r2, [r3, #24]\n adds r2, r0\n str r2, [sp, #4]\n"
        "ldr r2, [r3, #28]\n adds r2, r0\n str r2, [sp, #0]\n"
        "cmp r0, r2\n beq 3f\n"
        "2:\n"
        MCU_SLM_FOUR_PRODUCTS("r4")
        MCU_SLM_FOUR_PRODUCTS("r5")
        MCU_SLM_FOUR_PRODUCTS("r6")
        MCU_SLM_FOUR_PRODUCTS("r7")
        "adds r0, #4\n"
        "ldr r3, [sp, #0]\n cmp r0, r3\n bne 2b\n"
        "3: ldr r3, [sp, #4]\n cmp r0, r3\n beq 5f\n"
        "4:\n"
        MCU_SLM_FOUR_PRODUCTS("r4")
        "adds r0, #1\n"
        "ldr r3, [sp, #4]\n cmp r0, r3\n bne 4b\n"
        "5: ldr r3, [sp, #8]\n"
        "ldr r2, [r3, #32]\n adds r0, r2\n"
        "ldr r2, [r3, #36]\n adds r1, r2\n"
        "ldr r2, [r3, #20]\n subs r2, #1\n str r2, [r3, #20]\n"
        "bne 1b\n"
        "mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n"
        "ldr r1, [r3, #0]\n"
        "stmia r1!, {r4-r7}\n"
        "add sp, #12\n"
        "pop {r4-r7}\n"
        "mov r8, r4\n mov r9, r5\n mov r10, r6\n mov r11, r7\n"
        "pop {r4-r7}\n"
        :
        : "r"(&loop)
        : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

#else

MCU_SLM_OWN_REGISTERS void mcu_slm_add_to_four(int32_t *acc, int32_t size,
                                               const mcu_slm_rows_t *rows, const int8_t *x,
                                               const int8_t *weights)
{
    const int32_t zero_point = rows->zero_point;
    int32_t acc0 = acc[0];
    int32_t acc1 = acc[1];
    int32_t acc2 = acc[2];
    int32_t acc3 = acc[3];

    for (int32_t row = rows->rows; row > 0; row--) {
        const int8_t *const end = x + rows->count;
        const int8_t *w = weights;

#pragma GCC unroll 4
        while (x != end) {
            const int32_t value = *x++ - zero_point;

            acc0 += value * w[0];
            acc1 += value * w[1];
            acc2 += value * w[2];
            acc3 += value * w[3];
            w += size;
        }
        x += rows->x_step - rows->count;
        weights += rows->weights_step * size;
    }
    acc[0] = acc0;
    acc[1] = acc1;
    acc[2] = acc2;
    acc[3] = acc3;
}

#endif

/* The same for one output. */
MCU_SLM_OWN_REGISTERS void mcu_slm_add_to_one(int32_t *acc, int32_t size,
                                              const mcu_slm_rows_t *rows, const int8_t *x,
                                              const int8_t *weights)
{
    const int32_t zero_point = rows->zero_point;
    int32_t sum = *acc;

    for (int32_t row = rows->rows; row > 0; row--) {
        const int8_t *w = weights;

        for (int32_t i = 0; i < rows->count; i++) {
            sum += (x[i] - zero_point) * *w;
            w += size;
        }
        x += rows->x_step;
        weights += rows->weights_step * size;
    }
    *acc = sum;
}

#endif

#endif
