/* Does the wrong thing that FAULT names; the handler reports what it sees. */
#include "chip.h"

__attribute__((used)) void report(const uint32_t *frame)
{
    results[0] = frame[6];
    results[1] = CFSR;
    results[2] = HFSR;
    results[3] = BFAR;
    uart_open(0);
    uart_put('F');
#ifdef FAULT_IN_HANDLER
    REG(0x60000000u) = 1;
#endif
    sleep_for_ever();
}

__attribute__((naked)) void HardFault_Handler(void)
{
    __asm volatile("ldr r1, =_stack_top\n mov r0, sp\n mov sp, r1\n b report");
}

__attribute__((noinline)) uint32_t recurse(uint32_t depth)
{
    volatile uint32_t big[64];
    big[depth % 64] = depth;
    return depth == 1000000 ? 0 : recurse(depth + 1) + big[(depth + 1) % 64];
}

volatile float half = 0.5f;

__attribute__((noinline)) static void misbehave(void)
{
#if FAULT == 1
    results[9] = REG(0x60000000u);
#elif FAULT == 2
    REG(0x60000000u) = 1;
#elif FAULT == 3
    REG(0x08000100u) = 1;
#elif FAULT == 4
    __asm volatile("udf #7");
#elif FAULT == 5
    ((void (*)(void))0x08000100u)(); /* even address */
#elif FAULT == 6
    ((void (*)(void))0x40020001u)();
#elif FAULT == 7
    results[9] = recurse(0);
#elif FAULT == 8
    half = half * 3.0f;
#elif FAULT == 9
    __asm volatile("mov r0, %0\n ldrd r2, r3, [r0]" ::"r"((uint32_t)&results[1] + 2u) : "r0", "r2", "r3");
#elif FAULT == 10
    __asm volatile("bkpt #0");
#elif FAULT == 11
    __asm volatile("cpsid i\n svc #0");
#elif FAULT == 12
    __asm volatile("mov r0, #0x60000000\n movs r1, #0\n cmp r1, #0\n itttt eq\n"
                   "addeq r1, #1\n ldreq r2, [r0]\n addeq r1, #2\n addeq r1, #4" ::: "r0", "r1", "r2");
#elif FAULT == 13
    ((void (*)(void))0x70000001u)();
#endif
}

int main(void)
{
    misbehave();
    results[8] = 1;
    return 0;
}
