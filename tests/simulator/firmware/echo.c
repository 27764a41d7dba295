/*
 * Full clock start-up with endless polls, then answers over USART2. A request is a length (16 bits, little
 * endian) and so many bytes; the answer is the same bytes plus one each. Length 0xFFFF resets the chip.
 * POLLED: no interrupts; else receive interrupt, WFI and a 1 kHz SysTick (NO_TICK: without).
 */
#include "chip.h"

static volatile uint8_t ring[64];
static volatile uint32_t head, tail;
volatile uint32_t ticks, lost;
uint8_t payload[2048];

static void clocks_to_180_mhz(void)
{
    REG(RCC + 0x40) |= 1u << 28;
    REG(PWR) |= 3u << 14;
    REG(RCC) |= 1u << 16;
    for (uint32_t tries = 1000; !(REG(RCC) & 1u << 17);) {
        if (--tries == 0) {
            results[0] = 1; /* crystal is dead */
            return;
        }
    }
    REG(RCC + 4) = 8u | 360u << 6 | 1u << 22 | 8u << 24 | 2u << 28;
    REG(RCC) |= 1u << 24;
    while (!(REG(RCC) & 1u << 25)) {
    }
    REG(PWR) |= 1u << 16;
    while (!(REG(PWR + 4) & 1u << 16)) {
    }
    REG(PWR) |= 1u << 17;
    while (!(REG(PWR + 4) & 1u << 17)) {
    }
    FLASH_ACR = 0x705;
    while ((FLASH_ACR & 0xFu) != 5u) {
    }
    REG(RCC + 8) = 5u << 10 | 4u << 13;
    REG(RCC + 8) |= 2u;
    while ((REG(RCC + 8) >> 2 & 3u) != 2u) {
    }
}

void SysTick_Handler(void)
{
    ticks++;
}

void USART2_Handler(void)
{
    if (SR & RXNE) {
        uint8_t byte = (uint8_t)DR;
        if (head - tail == sizeof ring) {
            lost++;
        } else {
            ring[head++ % sizeof ring] = byte;
        }
    }
}

static uint8_t get(void)
{
#ifdef POLLED
    while (!(SR & RXNE)) {
    }
    return (uint8_t)DR;
#else
    while (head == tail) {
        __asm volatile("wfi");
    }
    return ring[tail++ % sizeof ring];
#endif
}

__attribute__((noinline)) void transform(uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        payload[i] = (uint8_t)(payload[i] + 1u);
    }
}

int main(void)
{
    clocks_to_180_mhz();
    REG(RCC + 0x30) |= 1u;
    REG(RCC + 0x40) |= 1u << 17;
    REG(0x40020000u) = 0xA0u;
#ifdef POLLED
    uart_open(0);
#else
    uart_open(RXNE);
    REG(NVIC_ISER + 4u * (USART2_IRQ / 32u)) = 1u << USART2_IRQ % 32u;
#ifndef NO_TICK
    SYST_RVR = 180000u - 1u;
    SYST_CVR = 0;
    SYST_CSR = 7;
#endif
#endif
    for (const char *text = "READY\n"; *text; text++) {
        uart_put((uint8_t)*text);
    }
    for (;;) {
        uint32_t length = get();
        length |= (uint32_t)get() << 8;
        if (length == 0xFFFFu) {
            AIRCR = 0x05FA0004u;
            BARRIER();
            for (;;) {
            }
        }
        for (uint32_t i = 0; i < length; i++) {
            payload[i % sizeof payload] = get();
        }
        transform(length);
        for (uint32_t i = 0; i < length; i++) {
            uart_put(payload[i]);
        }
    }
}
