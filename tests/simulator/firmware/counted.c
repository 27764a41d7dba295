/* Calls the hand-counted functions: without interrupts, then under a fast SysTick. */
#include "chip.h"

void twice(void);
uint32_t it_across_pages(void);
volatile uint32_t ticks;

void SysTick_Handler(void)
{
    ticks++;
}

int main(void)
{
    for (int round = 0; round < 2; round++) {
        if (round) {
            SYST_RVR = 40;
            SYST_CVR = 0;
            SYST_CSR = 7;
        }
        twice();
    }
    results[0] = it_across_pages();
    SYST_CSR = 0;
    results[1] = ticks;
    return 0;
}
