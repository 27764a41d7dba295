/* The drivers' bus on the host: the test gives functions that answer for the device. */
#include <stdbool.h>
#include <stdint.h>

#include "bus.h"

typedef bool (*start_function)(uint8_t address);
typedef bool (*read_function)(uint8_t first_register, uint8_t *bytes, uint32_t count);
typedef bool (*write_function)(uint8_t to_register, uint8_t value);

void host_bus_connect(start_function start, read_function read, write_function write);

static start_function start_of;
static read_function read_of;
static write_function write_of;
uint32_t host_bus_milliseconds;

void host_bus_connect(start_function start, read_function read, write_function write)
{
    start_of = start;
    read_of = read;
    write_of = write;
}

bool bus_start(uint8_t address)
{
    return start_of(address);
}

bool bus_read(uint8_t first_register, uint8_t *bytes, uint32_t count)
{
    return read_of(first_register, bytes, count);
}

bool bus_write(uint8_t to_register, uint8_t value)
{
    return write_of(to_register, value);
}

void bus_delay_ms(uint32_t milliseconds)
{
    host_bus_milliseconds += milliseconds;
}
