/* Does the firmware's CRC-32 see every single bit of a block that flips?
 *
 * Computing the CRC of all 524,288 blocks anew would read 32 GiB. But the state of a CRC is linear in
 * what it reads: with XOR for both, state(a ^ b) = state(a) ^ state(b) for states that start at 0. So
 * a flip changes the CRC by the state that the flipped bit alone leaves: start at 0, read the bit in
 * a byte of its own, then as many zero bytes as follow it in the block. From the last byte to the
 * first, each of the eight states needs one more zero byte: one step per flip, with the firmware's
 * own function. That the steps are linear is tested beside, by computing some CRCs in full. */
#include "crc32.h"

uint32_t flips_unseen(uint32_t byte_count);
uint32_t change_by_flip(uint32_t byte_count, uint32_t byte, uint32_t bit);
uint32_t crc_of(const uint8_t *bytes, uint32_t count);

/* Return how many of the block's bits can flip without a change of its CRC. */
uint32_t flips_unseen(uint32_t byte_count)
{
    uint32_t change[8];
    uint32_t unseen = 0u;
    for (uint32_t bit = 0u; bit < 8u; bit++) {
        change[bit] = mcu_slm_crc32_add(0u, (uint8_t)(1u << bit)); /* a flip in the last byte */
    }
    for (uint32_t byte = byte_count; byte-- > 0u;) {
        for (uint32_t bit = 0u; bit < 8u; bit++) {
            unseen += change[bit] == 0u;
            change[bit] = mcu_slm_crc32_add(change[bit], 0u);
        }
    }
    return unseen;
}

/* Return the change of the CRC when one bit flips, as flips_unseen() finds it. */
uint32_t change_by_flip(uint32_t byte_count, uint32_t byte, uint32_t bit)
{
    uint32_t change = mcu_slm_crc32_add(0u, (uint8_t)(1u << bit));
    for (uint32_t i = byte + 1u; i < byte_count; i++) {
        change = mcu_slm_crc32_add(change, 0u);
    }
    return change;
}

uint32_t crc_of(const uint8_t *bytes, uint32_t count)
{
    return mcu_slm_crc32_update(MCU_SLM_CRC32_START, bytes, count) ^ MCU_SLM_CRC32_START;
}
