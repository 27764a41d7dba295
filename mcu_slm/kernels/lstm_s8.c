/* Recurrent layer with int8 states and an int16 cell, unit by unit. The row that a step writes to the output is the hidden state
 * that the next step reads; before the first step it is a row of zeros in the scratch memory, behind the cell. */
#include "lstm_s8.h"

#include "sums.h"

#define LAST_ENTRY 254 /* of the sigmoid's table, that has a successor */
#define GATES 4

enum { INPUT_GATE, FORGET_GATE, CELL_GATE, OUTPUT_GATE };

static int32_t saturate_16(int32_t value)
{
    if (value > INT16_MAX) {
        return INT16_MAX;
    }
    return value < INT16_MIN ? INT16_MIN : value;
}

/* The table's value at magnitude / 2^bits, raised by `bits`. */
static int32_t interpolate(const uint16_t *table, int32_t magnitude, int32_t bits)
{
    const int32_t place = magnitude >> bits;
    const int32_t fraction = magnitude & (((int32_t)1 << bits) - 1);

    return ((int32_t)table[place] << bits) + fraction * (table[place + 1] - table[place]);
}

/* sigmoid(x) in Q0.15 for x in Q3.12 */
static int32_t sigmoid(const uint16_t *table, int32_t x)
{
    const int32_t distance = 3 * x;
    const int32_t magnitude = distance < 0 ? -distance : distance;
    const int32_t half = (int32_t)1 << 9;
    const int32_t value = (magnitude >> 9) > LAST_ENTRY ? (int32_t)0x7FFF << 10
                                                        : interpolate(table, magnitude, 9);

    return (distance < 0 ? ((int32_t)1 << 25) - value + half - 1 : value + half) >> 10;
}

/* tanh(y) in Q0.15, where 3 * y is x * multiplier / 2^shift in Q3.12 */
static int32_t hyperbolic_tangent(const uint16_t *table, int32_t x, int32_t multiplier,
                                  int32_t shift)
{
    const int32_t rounding = shift > 0 ? (int32_t)1 << (shift - 1) : 0;
    const int32_t distance = (x * multiplier + rounding) >> shift;
    const int32_t magnitude = distance < 0 ? -distance : distance;
    const int32_t half = (int32_t)1 << 7;
    const int32_t one = (int32_t)1 << 23;
    const int32_t value = (magnitude >> 8) > LAST_ENTRY ? (int32_t)0xFFFF << 8
                                                        : interpolate(table, magnitude, 8);

    return (distance < 0 ? one - value + half - 1 : value - one + half) >> 8;
}

/* What the gates let through for one unit, in Q3.12 */
static void open_gates(const mcu_slm_lstm_t *layer, int32_t unit, const int8_t *x,
                       const int8_t *hidden, int32_t *opened)
{
    const mcu_slm_rows_t inputs = {1, layer->inputs, 0, 0, layer->input_zero_point};
    const mcu_slm_rows_t units = {1, layer->units, 0, 0, layer->hidden_zero_point};
    int32_t driven[GATES];
    int32_t recurrent[GATES] = {0};

    mcu_slm_start_block(driven, GATES, layer->bias + unit * GATES);
    mcu_slm_add_products(driven, GATES, &inputs, x,
                         layer->weights + unit * layer->inputs * GATES);
    mcu_slm_add_products(recurrent, GATES, &units, hidden,
                         layer->recurrent + unit * layer->units * GATES);
    for (int32_t g = 0; g < GATES; g++) {
        const mcu_slm_lstm_gate_t *gate = &layer->gates[g];
        const int32_t from_input =
            saturate_16(mcu_slm_requantize(driven[g], gate->input_multiplier, gate->input_shift));
        const int32_t from_hidden = saturate_16(
            mcu_slm_requantize(recurrent[g], gate->hidden_multiplier, gate->hidden_shift));

        opened[g] = saturate_16(from_input + from_hidden);
    }
}

static int32_t next_cell(const mcu_slm_lstm_t *layer, const int32_t *gates, int32_t cell)
{
    const uint16_t *table = layer->sigmoid_table;
    const int32_t i = sigmoid(table, gates[INPUT_GATE]);
    const int32_t f = sigmoid(table, gates[FORGET_GATE]);
    const int32_t g = hyperbolic_tangent(table, gates[CELL_GATE], 3, 0);
    const int32_t kept = saturate_16(mcu_slm_requantize(f * cell, layer->forget_cell_multiplier,
                                                        layer->forget_cell_shift));
    const int32_t added = saturate_16(
        mcu_slm_requantize(i * g, layer->input_cell_multiplier, layer->input_cell_shift));
    int32_t next = saturate_16(kept + added);

    if (layer->cell_clip > 0) {
        next = next > layer->cell_clip ? layer->cell_clip : next;
        next = next < -layer->cell_clip ? -layer->cell_clip : next;
    }
    return next;
}

static void run_sequence(const mcu_slm_lstm_t *layer, const int8_t *input, int8_t *output,
                         int16_t *cell, int8_t *start)
{
    const int8_t *hidden = start;

    for (int32_t unit = 0; unit < layer->units; unit++) {
        cell[unit] = 0;
        start[unit] = (int8_t)layer->hidden_zero_point;
    }
    for (int32_t step = 0; step < layer->steps; step++) {
        for (int32_t unit = 0; unit < layer->units; unit++) {
            int32_t gates[GATES];

            open_gates(layer, unit, input, hidden, gates);

            const int32_t c = next_cell(layer, gates, cell[unit]);
            const int32_t o = sigmoid(layer->sigmoid_table, gates[OUTPUT_GATE]);
            const int32_t squashed = hyperbolic_tangent(layer->sigmoid_table, c,
                                                        layer->tanh_multiplier, layer->tanh_shift);
            const int32_t h =
                mcu_slm_requantize(squashed * o, layer->output_multiplier, layer->output_shift);

            cell[unit] = (int16_t)c;
            output[unit] = mcu_slm_clamp_s8(h + layer->hidden_zero_point, INT8_MIN, INT8_MAX);
        }
        hidden = output;
        input += layer->input_step;
        output += layer->output_step;
    }
}

void mcu_slm_lstm_s8(const mcu_slm_lstm_t *layer, const int8_t *input, int8_t *output,
                     int8_t *scratch)
{
    int16_t *cell = (int16_t *)(void *)scratch;
    int8_t *start = scratch + 2 * layer->units;

    for (int32_t batch = 0; batch < layer->batches; batch++) {
        run_sequence(layer, input + batch * layer->input_batch_step,
                     output + batch * layer->output_batch_step, cell, start);
    }
}
