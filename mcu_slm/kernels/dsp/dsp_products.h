/* How the sums of a matrix product become int8. */
#ifndef DSP_PRODUCTS_H
#define DSP_PRODUCTS_H

#include <stdint.h>

typedef struct {
    int32_t multiplier;
    int32_t offset; /* of twice the sum times the multiplier: zero point and half a step */
    int32_t columns; /* bytes from one row of the output to the next */
} mcu_slm_products_t;

#endif
