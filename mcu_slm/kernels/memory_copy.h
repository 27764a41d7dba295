/* The two functions that the generated code needs from outside. Declared here as the C standard allows (C11 7.1.4), because a
 * freestanding toolchain need not have <string.h>. */
#ifndef MCU_SLM_MEMORY_COPY_H
#define MCU_SLM_MEMORY_COPY_H

#include <stddef.h>

void *memcpy(void *restrict target, const void *restrict source, size_t count);
void *memset(void *target, int value, size_t count);

#endif
