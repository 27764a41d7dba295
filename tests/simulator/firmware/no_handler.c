/* A fault where the vector table has no handler for it. */
#include "chip.h"

int main(void)
{
    REG(0x60000000u) = 1;
    return 0;
}
