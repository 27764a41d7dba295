/* Touches registers that the simulator has not. */
#include "chip.h"

int main(void)
{
    results[0] = REG(0x40010000u); /* TIM1 */
    REG(RCC + 0x40u) |= 1u << 17;
    REG(USART2 + 0x14u) = 1u << 6; /* receive by DMA */
    return 0;
}
