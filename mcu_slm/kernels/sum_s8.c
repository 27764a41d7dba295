/* Sum or mean over any axes. */
#include "sum_s8.h"

#include "requantize.h"

static int8_t scaled(const mcu_slm_sum_t *layer, int32_t sum)
{
    const int32_t y = mcu_slm_requantize(sum, layer->multiplier, layer->shift);

    return mcu_slm_saturate_s8(y + layer->output_zero_point);
}

static int32_t sum_run(const int8_t *x, int32_t count)
{
    int32_t sum = 0;

#pragma GCC unroll 4
    for (int32_t i = 0; i < count; i++) {
        sum += x[i];
    }
    return sum;
}

static int8_t sum_one(const mcu_slm_sum_t *layer, const int8_t *input)
{
    const int32_t *n = layer->reduced_lengths;
    const int32_t *step = layer->reduced_steps;
    int32_t sum = layer->bias;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            const int8_t *x = input + i * step[0] + j * step[1];

            if (step[2] == 1) {
                sum += sum_run(x, n[2]);
            } else {
                for (int32_t k = 0; k < n[2]; k++) {
                    sum += x[k * step[2]];
                }
            }
        }
    }
    return scaled(layer, sum);
}

/* Four sums whose elements lie side by side. */
static void sum_four(const mcu_slm_sum_t *layer, const int8_t *input, int8_t *output)
{
    const int32_t *n = layer->reduced_lengths;
    const int32_t *step = layer->reduced_steps;
    const int32_t next = step[2];
    int32_t sum0 = layer->bias;
    int32_t sum1 = sum0;
    int32_t sum2 = sum0;
    int32_t sum3 = sum0;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            const int8_t *x = input + i * step[0] + j * step[1];

            for (int32_t k = n[2]; k > 0; k--) {
                sum0 += x[0];
                sum1 += x[1];
                sum2 += x[2];
                sum3 += x[3];
                x += next;
            }
        }
    }
    output[0] = scaled(layer, sum0);
    output[1] = scaled(layer, sum1);
    output[2] = scaled(layer, sum2);
    output[3] = scaled(layer, sum3);
}

void mcu_slm_sum_s8(const mcu_slm_sum_t *layer, const int8_t *input, int8_t *output)
{
    const int32_t *n = layer->kept_lengths;
    const int32_t *step = layer->kept_steps;

    for (int32_t i = 0; i < n[0]; i++) {
        for (int32_t j = 0; j < n[1]; j++) {
            const int8_t *x = input + i * step[0] + j * step[1];
            int32_t k = 0;

            if (step[2] == 1) {
                for (; k + 4 <= n[2]; k += 4) {
                    sum_four(layer, x + k, output + k);
                }
            }
            for (; k < n[2]; k++) {
                output[k] = sum_one(layer, x + k * step[2]);
            }
            output += n[2];
        }
    }
}
