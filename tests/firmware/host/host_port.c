/* The protocol's port on the host: what is written is collected, time is set by the test. */
#include <string.h>

#include "frame.h"
#include "port.h"
#include "protocol.h"

#define OUTPUT_BYTES 65536u

uint8_t host_output[OUTPUT_BYTES];
uint32_t host_output_bytes;
uint32_t host_uptime_ms;
uint32_t host_resets;
bool host_sensor_has_window = true;

void host_receive(const uint8_t *bytes, uint32_t count);
uint32_t host_frames(const uint8_t *wire, uint32_t count, uint8_t *payload, uint32_t capacity,
                     uint32_t *found);
void host_send_frame(uint8_t type, uint8_t sequence, const uint8_t *payload, uint32_t count);
void host_forget(void);

void host_receive(const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0u; i < count; i++) {
        mcu_slm_protocol_receive(bytes[i]);
    }
}

/* Decode a stream; return how many frames were whole, and the last one in `found`: type, sequence,
 * payload bytes as sent, broken frames. */
uint32_t host_frames(const uint8_t *wire, uint32_t count, uint8_t *payload, uint32_t capacity,
                     uint32_t *found)
{
    static struct mcu_slm_frame_receiver receiver;
    uint32_t complete = 0u;
    memset(&receiver, 0, sizeof receiver);
    for (uint32_t i = 0u; i < count; i++) {
        switch (mcu_slm_frame_receive(&receiver, wire[i])) {
        case MCU_SLM_FRAME_HEADER:
            receiver.destination = payload;
            receiver.capacity = capacity;
            break;
        case MCU_SLM_FRAME_COMPLETE:
            complete++;
            found[0] = receiver.type;
            found[1] = receiver.sequence;
            found[2] = receiver.payload_bytes;
            break;
        case MCU_SLM_FRAME_BROKEN:
            found[3]++;
            break;
        case MCU_SLM_FRAME_NOTHING:
            break;
        }
    }
    return complete;
}

void host_send_frame(uint8_t type, uint8_t sequence, const uint8_t *payload, uint32_t count)
{
    mcu_slm_frame_begin(type, sequence);
    mcu_slm_frame_put(payload, count);
    mcu_slm_frame_end();
}

void host_forget(void)
{
    host_output_bytes = 0u;
}

void mcu_slm_port_write(const uint8_t *bytes, uint32_t count)
{
    if (count <= OUTPUT_BYTES - host_output_bytes) {
        memcpy(host_output + host_output_bytes, bytes, count);
        host_output_bytes += count;
    }
}

uint32_t mcu_slm_port_core_clock_hz(void)
{
    return 16000000u;
}

bool mcu_slm_port_clock_fell_back(void)
{
    return true;
}

uint32_t mcu_slm_port_uptime_ms(void)
{
    return host_uptime_ms;
}

uint32_t mcu_slm_port_cycles(void)
{
    return 0u;
}

uint32_t mcu_slm_port_receive_overruns(void)
{
    return 7u;
}

uint32_t mcu_slm_port_stack_used_bytes(void)
{
    return 100u;
}

uint32_t mcu_slm_port_stack_reserved_bytes(void)
{
    return 200u;
}

uint32_t mcu_slm_port_reset_causes(void)
{
    return MCU_SLM_RESET_WATCHDOG | MCU_SLM_RESET_PIN;
}

void mcu_slm_port_unique_id(uint8_t *bytes)
{
    for (uint8_t i = 0u; i < MCU_SLM_UNIQUE_ID_BYTES; i++) {
        bytes[i] = (uint8_t)(i + 1u);
    }
}

bool mcu_slm_port_last_fault(struct mcu_slm_fault *fault)
{
    *fault = (struct mcu_slm_fault){1u, 2u, 3u, 4u, 5u, 6u, 7u};
    return true;
}

bool mcu_slm_port_read_window(int8_t *window)
{
    window[0] = 1;
    return host_sensor_has_window;
}

void mcu_slm_port_alive(void)
{
}

void mcu_slm_port_reset(void)
{
    host_resets++;
}
