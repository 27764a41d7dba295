/* The few registers that the test programs use. */
#ifndef CHIP_H
#define CHIP_H
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define RCC 0x40023800u
#define PWR 0x40007000u
#define FLASH_ACR REG(0x40023C00u)
#define USART2 0x40004400u
#define USART2_IRQ 38u
#define SR REG(USART2 + 0x00u)
#define DR REG(USART2 + 0x04u)
#define BRR REG(USART2 + 0x08u)
#define CR1 REG(USART2 + 0x0Cu)
#define RXNE (1u << 5)
#define TXE (1u << 7)
#define NVIC_ISER 0xE000E100u
#define NVIC_ISPR 0xE000E200u
#define NVIC_IPR 0xE000E400u
#define SYST_CSR REG(0xE000E010u)
#define SYST_RVR REG(0xE000E014u)
#define SYST_CVR REG(0xE000E018u)
#define ICSR REG(0xE000ED04u)
#define AIRCR REG(0xE000ED0Cu)
#define CFSR REG(0xE000ED28u)
#define HFSR REG(0xE000ED2Cu)
#define BFAR REG(0xE000ED38u)
#define CPACR REG(0xE000ED88u)
#define BARRIER() __asm volatile("dsb\n isb" ::: "memory")

extern volatile uint32_t results[32]; /* what the host reads after a test */

static inline void uart_open(uint32_t interrupts)
{
    REG(RCC + 0x40u) |= 1u << 17; /* the port's clock */
    BRR = 45000000u / 115200u;
    CR1 = 1u << 13 | 1u << 3 | 1u << 2 | interrupts;
}

static inline void uart_put(uint8_t byte)
{
    while (!(SR & TXE)) {
    }
    DR = byte;
}

static inline void sleep_for_ever(void)
{
    for (;;) {
        __asm volatile("wfi");
    }
}
#endif
