/*
 * Runs one compiled model on windows from standard input; its outputs go to standard output.
 *
 * Before every window the arena is filled with other bytes, so that an output which depends on what lay
 * there differs from one window to the next. A model that keeps state has run once, on zeros, before
 * it is reset: a reset must not depend on what the state was.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const size_t prove_input_bytes;
extern const size_t prove_output_bytes;
extern const size_t prove_arena_bytes;
extern const size_t prove_state_bytes;
extern int8_t mcu_slm_arena[];

void mcu_slm_model_predict(const int8_t *input, int8_t *output);
void mcu_slm_model_reset(void);

int main(void)
{
    int8_t *input = calloc(prove_input_bytes, 1);
    int8_t *output = malloc(prove_output_bytes);
    int fill = 0xA5;

    if (input == NULL || output == NULL) {
        return 2;
    }
    if (prove_state_bytes > 0) {
        mcu_slm_model_predict(input, output);
    }
    mcu_slm_model_reset();
    while (fread(input, 1, prove_input_bytes, stdin) == prove_input_bytes) {
        memset(mcu_slm_arena, fill, prove_arena_bytes);
        mcu_slm_model_predict(input, output);
        if (fwrite(output, 1, prove_output_bytes, stdout) != prove_output_bytes) {
            return 3;
        }
        fill ^= 0xFF;
    }
    free(input);
    free(output);
    return 0;
}
