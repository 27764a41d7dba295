/* Exceptions of every kind; what happened is left in results[]. */
#include "chip.h"

static volatile uint32_t order, irq1_count, ticks;
static volatile float scratch;

__attribute__((used)) void svc_body(uint32_t *frame)
{
    uint32_t number = ((const uint8_t *)frame[6])[-2]; /* the immediate of the SVC instruction */
    uint32_t ipsr;
    __asm volatile("mrs %0, ipsr" : "=r"(ipsr));
    results[1] = ipsr;
    frame[0] = frame[0] + frame[1] + number;
}

__attribute__((naked)) void SVC_Handler(void)
{
    __asm volatile("tst lr, #4\n ite eq\n mrseq r0, msp\n mrsne r0, psp\n b svc_body");
}

void IRQ0_Handler(void)
{
    order = order * 10 + 1;
    REG(NVIC_ISPR) = 2; /* IRQ1 is more urgent: it comes at once */
    BARRIER();
    order = order * 10 + 2;
}

void IRQ1_Handler(void)
{
    order = order * 10 + 3;
    irq1_count++;
}

void SysTick_Handler(void)
{
    float x = 1.5f;
    for (int i = 0; i < 4; i++) {
        x = x * 1.25f + (float)ticks;
    }
    scratch = x;
    ticks++;
}

static uint32_t task_stack[2][128];
static uint32_t *task_sp[2];
static volatile uint32_t current, switches, laps[2];

__attribute__((used)) uint32_t *switch_task(uint32_t *sp)
{
    task_sp[current] = sp;
    current ^= 1u;
    switches++;
    return task_sp[current];
}

__attribute__((naked)) void PendSV_Handler(void)
{
    __asm volatile("mrs r0, psp\n"
                   "tst lr, #0x10\n it eq\n vstmdbeq r0!, {s16-s31}\n"
                   "stmdb r0!, {r4-r11, lr}\n"
                   "bl switch_task\n"
                   "ldmia r0!, {r4-r11, lr}\n"
                   "tst lr, #0x10\n it eq\n vldmiaeq r0!, {s16-s31}\n"
                   "msr psp, r0\n bx lr");
}

static void task(uint32_t id)
{
    float y = 1.0f, x = id ? 2.0f : 3.0f;
    while (laps[id] < 50) {
        y = y * 0.5f + x; /* lives in a register across the switch */
        laps[id]++;
        ICSR = 1u << 28;
        BARRIER();
    }
    results[10 + id] = (uint32_t)(y * 1000.0f);
    for (;;) {
        if (id == 1) {
            results[12] = switches;
            results[13] = 1;
            sleep_for_ever();
        }
        ICSR = 1u << 28;
        BARRIER();
    }
}

static void task1(void)
{
    task(1);
}

static inline uint32_t svc42(uint32_t a, uint32_t b)
{
    register uint32_t r0 __asm("r0") = a, r1 __asm("r1") = b;
    __asm volatile("svc #42" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

__attribute__((noinline)) void interrupts(void)
{
    REG(NVIC_IPR) = 0x00004080u; /* IRQ0: 0x80, IRQ1: 0x40 */
    REG(NVIC_ISER) = 3;
    REG(NVIC_ISPR) = 1;
    BARRIER();
    results[2] = order;
    __asm volatile("cpsid i");
    REG(NVIC_ISPR) = 2;
    BARRIER();
    results[3] = irq1_count;
    __asm volatile("cpsie i\n isb");
    results[4] = irq1_count;
    __asm volatile("msr basepri, %0\n isb" ::"r"(0x40));
    REG(NVIC_ISPR) = 2;
    BARRIER();
    results[5] = irq1_count;
    __asm volatile("msr basepri, %0\n isb" ::"r"(0));
    results[6] = irq1_count;
}

__attribute__((noinline)) void preempted_floats(void)
{
    float sum = 0, term = 1;
    SYST_RVR = 996;
    SYST_CVR = 0;
    SYST_CSR = 7;
    for (int i = 0; i < 20000; i++) {
        sum += term * 0.001f;
        term = term * 0.9999f + 0.0002f;
    }
    SYST_CSR = 0;
    results[7] = *(uint32_t *)&sum;
    results[8] = ticks;
    sum = 0;
    term = 1;
    for (int i = 0; i < 20000; i++) {
        sum += term * 0.001f;
        term = term * 0.9999f + 0.0002f;
    }
    results[9] = *(uint32_t *)&sum;
}

/* CYCCNT counts executed instructions: 100 here, and a few around them. */
static void count_cycles(void)
{
    REG(0xE000EDFCu) |= 1u << 24;
    REG(0xE0001004u) = 0;
    REG(0xE0001000u) |= 1;
    uint32_t before = REG(0xE0001004u);
    __asm volatile("isb\n .rept 100\n nop\n .endr\n isb");
    results[14] = REG(0xE0001004u) - before;
}

int main(void)
{
    count_cycles();
    __asm volatile("sev\n wfe\n yield");
    results[0] = svc42(100, 20);
    interrupts();
    preempted_floats();
    uint32_t *sp = &task_stack[1][128];
    *--sp = 1u << 24;
    *--sp = (uint32_t)task1 & ~1u;
    for (int i = 0; i < 6; i++) {
        *--sp = 0;
    }
    *--sp = 0xFFFFFFFDu;
    for (int i = 0; i < 8; i++) {
        *--sp = 0;
    }
    task_sp[1] = sp;
    REG(0xE000ED20u) = 0x00FF0000u; /* PendSV is the least urgent */
    __asm volatile("msr psp, %0\n mov r0, #2\n msr control, r0\n isb" ::"r"(&task_stack[0][128])
                   : "r0", "memory");
    task(0);
    return 0;
}
