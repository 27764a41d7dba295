/* Calls the hand-counted functions; with TICKS under a fast SysTick. */
#include "chip.h"

void outer(void);
uint32_t it_across_pages(void);
volatile uint32_t ticks;

void SysTick_Handler(void)
{
    ticks++;
}

int main(void)
{
#ifdef TICKS
    SYST_RVR = 40;
    SYST_CVR = 0;
    SYST_CSR = 7;
#endif
    outer();
    outer();
    SYST_CSR = 0;
    results[0] = it_across_pages();
    results[1] = ticks;
    return 0;
}
