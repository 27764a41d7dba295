/* Functions whose instructions and cycles were counted by hand; see test_profile.py. */
    .syntax unified
    .thumb
    .text

    .macro function name
    .balign 16
    .global \name
    .type \name, %function
    .thumb_func
\name:
    .endm

/* 1 + 1000 * 2 + 1 instructions */
    function plain_loop
    movw r0, #1000
1:  subs r0, r0, #1
    bne 1b
    bx lr
    .size plain_loop, . - plain_loop

/* 2 + 100 * 6 + 1: half of the ADDNE are skipped and count all the same */
    function it_loop
    movs r0, #100
    movs r1, #0
1:  tst r0, #1
    ite ne
    addne r1, r1, #1
    addeq r1, r1, #2
    subs r0, r0, #1
    bne 1b
    bx lr
    .size it_loop, . - it_loop

/* 3 + 64 * 5 + 1: two paired loads */
    function load_loop
    mov r1, #0x20000000
    movs r0, #64
    nop
1:  ldr r2, [r1]
    ldr r3, [r1, #4]
    adds r2, r2, r3
    subs r0, r0, #1
    bne 1b
    bx lr
    .size load_loop, . - load_loop

/* 6 + 2 * plain_loop + it_loop + load_loop: three calls, one tail call */
    function outer
    push {r4, lr}
    bl plain_loop
    bl it_loop
    bl plain_loop
    pop {r4, lr}
    b.w load_loop
    .size outer, . - outer

/* Two calls of outer, of which the first returns to a 32-bit instruction at 2 mod 4 */
    function twice
    push {r3, lr}
    bl outer
    bl outer
    pop {r3, pc}
    .size twice, . - twice

/* An IT block over a page border: the engine begins a new block inside it. */
    .balign 4096
    .space 4096 - 8
    .global it_across_pages
    .type it_across_pages, %function
    .thumb_func
it_across_pages:
    movs r0, #0
    itttt eq
    addeq r0, r0, #1
    addeq r0, r0, #2
    addeq r0, r0, #4
    addeq r0, r0, #8
    bx lr
    .size it_across_pages, . - it_across_pages
