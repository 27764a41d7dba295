/* Where the cross compiler has no C library: enough to compile and link the example. */
int printf(const char *format, ...);
