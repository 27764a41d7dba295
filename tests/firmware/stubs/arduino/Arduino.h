// The least of Arduino that the example names, on this machine.
#ifndef ARDUINO_H
#define ARDUINO_H
#include <stdint.h>
#include <stdio.h>
class SerialPort {
public:
    void begin(unsigned long) {}
    explicit operator bool() const { return true; }
    void print(const char *text) { printf("%s", text); }
    void print(long value) { printf("%ld", value); }
    void println(const char *text) { printf("%s\n", text); }
    void println(long value) { printf("%ld\n", value); }
};
static SerialPort Serial;
static inline unsigned long millis() { return 0; }
static inline unsigned long micros() { return 0; }
static inline void delay(unsigned long) {}
#endif
