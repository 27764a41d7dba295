/* Feeds standard input to the protocol; built with the address and undefined-behaviour sanitizers. */
#include <stdio.h>

#include "protocol.h"

extern uint32_t host_uptime_ms;
void host_forget(void);

int main(void)
{
    int byte;
    mcu_slm_protocol_start();
    while ((byte = getchar()) != EOF) {
        mcu_slm_protocol_receive((uint8_t)byte);
        host_uptime_ms += byte == 0x11 ? 200u : 0u;
        mcu_slm_protocol_poll();
        host_forget();
    }
    return 0;
}
