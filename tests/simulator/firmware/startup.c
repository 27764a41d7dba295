/* Vector table and start-up of all test programs. */
#include "chip.h"

extern uint32_t _data_load, _data_start, _data_end, _bss_start, _bss_end, _stack_top;
volatile uint32_t results[32];
int main(void);
void Reset_Handler(void);

__attribute__((weak)) void Default_Handler(void)
{
    for (;;) {
    }
}
#define WEAK __attribute__((weak, alias("Default_Handler")))
void NMI_Handler(void) WEAK;
void BusFault_Handler(void) WEAK;
void UsageFault_Handler(void) WEAK;
void SVC_Handler(void) WEAK;
void PendSV_Handler(void) WEAK;
void SysTick_Handler(void) WEAK;
void IRQ0_Handler(void) WEAK;
void IRQ1_Handler(void) WEAK;
void USART2_Handler(void) WEAK;
#ifdef NO_HARDFAULT_HANDLER
#define HardFault_Handler 0
#else
void HardFault_Handler(void) WEAK;
#endif

typedef void (*vector_t)(void);
__attribute__((section(".vectors"), used)) static const vector_t vectors[16 + 97] = {
    (vector_t)&_stack_top, Reset_Handler, NMI_Handler, HardFault_Handler,
    [5] = BusFault_Handler, [6] = UsageFault_Handler, [11] = SVC_Handler,
    [14] = PendSV_Handler, [15] = SysTick_Handler, [16] = IRQ0_Handler, [17] = IRQ1_Handler,
    [16 + 38] = USART2_Handler,
};

void Reset_Handler(void)
{
#ifndef NO_FPU
    CPACR |= 0xFu << 20;
    BARRIER();
#endif
    const uint32_t *from = &_data_load;
    for (uint32_t *to = &_data_start; to < &_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = &_bss_start; to < &_bss_end;) {
        *to++ = 0;
    }
    main();
    sleep_for_ever();
}

void *memcpy(void *restrict to, const void *restrict from, unsigned size)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    while (size--) {
        *t++ = *f++;
    }
    return to;
}

void *memset(void *to, int value, unsigned size)
{
    uint8_t *t = to;
    while (size--) {
        *t++ = (uint8_t)value;
    }
    return to;
}
