/* The DSP instructions of Cortex-M4, M7 and M33 that C has no words for, each as one function, and what they compute in plain C.
 *
 * Both forms give the same bits. The plain one runs on the host, under sanitizers and where the core lacks them.
 */
#ifndef DSP_INSTRUCTIONS_H
#define DSP_INSTRUCTIONS_H

#include <stdint.h>

#include "memory_copy.h"

/* Assembly needs a core that has the instructions and, without optimisation, more registers than the compiler leaves. */
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FP) && defined(__OPTIMIZE__) && !defined(MCU_SLM_PLAIN_C)
#define MCU_SLM_DSP_ASSEMBLY 1
#else
#define MCU_SLM_DSP_ASSEMBLY 0
#endif

/* Four bytes as they stand in memory, at any address. */
static inline uint32_t mcu_slm_load_word(const int8_t *bytes)
{
    uint32_t word;

    __builtin_memcpy(&word, bytes, sizeof word);
    return word;
}

static inline void mcu_slm_store_word(int8_t *bytes, uint32_t word)
{
    __builtin_memcpy(bytes, &word, sizeof word);
}

/* Copies four words upwards and moves both pointers on. */
static inline void mcu_slm_copy_four(const uint32_t **from, uint32_t **to)
{
#if MCU_SLM_DSP_ASSEMBLY
    __asm__ volatile("ldmia %0!, {r2, r3, r12, lr}\n"
                     "stmia %1!, {r2, r3, r12, lr}\n"
                     : "+r"(*from), "+r"(*to)
                     :
                     : "r2", "r3", "r12", "lr", "memory");
#else
    for (int32_t i = 0; i < 4; i++) {
        (*to)[i] = (*from)[i];
    }
    *from += 4;
    *to += 4;
#endif
}

/* The signed halves of a word. */
static inline int32_t mcu_slm_low_half(uint32_t word)
{
    return (int16_t)(uint16_t)word;
}

static inline int32_t mcu_slm_high_half(uint32_t word)
{
    return (int16_t)(uint16_t)(word >> 16);
}

static inline uint32_t mcu_slm_halves(int32_t low, int32_t high)
{
    return (uint32_t)(uint16_t)low | (uint32_t)high << 16;
}

/* Bytes 0 and 2 of a word, each widened to half a word. */
static inline uint32_t mcu_slm_sxtb16(uint32_t word)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(word));
    return result;
#else
    return mcu_slm_halves((int8_t)(uint8_t)word, (int8_t)(uint8_t)(word >> 16));
#endif
}

/* Bytes 1 and 3. */
static inline uint32_t mcu_slm_sxtb16_ror8(uint32_t word)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(word));
    return result;
#else
    return mcu_slm_halves((int8_t)(uint8_t)(word >> 8), (int8_t)(uint8_t)(word >> 24));
#endif
}

/* The same without signs. */
static inline uint32_t mcu_slm_uxtb16(uint32_t word)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("uxtb16 %0, %1" : "=r"(result) : "r"(word));
    return result;
#else
    return word & 0x00FF00FFU;
#endif
}

static inline uint32_t mcu_slm_uxtb16_ror8(uint32_t word)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("uxtb16 %0, %1, ror #8" : "=r"(result) : "r"(word));
    return result;
#else
    return word >> 8 & 0x00FF00FFU;
#endif
}

/* Signed bytes 0 and 2 added to the halves of another word, modulo 2^16 each. */
static inline uint32_t mcu_slm_sxtab16(uint32_t halves, uint32_t word)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("sxtab16 %0, %1, %2" : "=r"(result) : "r"(halves), "r"(word));
    return result;
#else
    return mcu_slm_halves(mcu_slm_low_half(halves) + (int8_t)(uint8_t)word,
                          mcu_slm_high_half(halves) + (int8_t)(uint8_t)(word >> 16));
#endif
}

static inline uint32_t mcu_slm_sxtab16_ror8(uint32_t halves, uint32_t word)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(halves), "r"(word));
    return result;
#else
    return mcu_slm_sxtab16(halves, word >> 8);
#endif
}

/* Sums of the halves, each modulo 2^16. */
static inline uint32_t mcu_slm_sadd16(uint32_t a, uint32_t b)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("sadd16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return mcu_slm_halves(mcu_slm_low_half(a) + mcu_slm_low_half(b),
                          mcu_slm_high_half(a) + mcu_slm_high_half(b));
#endif
}

/* The low halves of two words in one, and the high halves. */
static inline uint32_t mcu_slm_low_halves(uint32_t a, uint32_t b)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return (a & 0xFFFFU) | b << 16;
#endif
}

static inline uint32_t mcu_slm_high_halves(uint32_t a, uint32_t b)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(b), "r"(a));
    return result;
#else
    return a >> 16 | (b & 0xFFFF0000U);
#endif
}

/* acc + low * low + high * high, modulo 2^32. */
static inline int32_t mcu_slm_smlad(uint32_t a, uint32_t b, int32_t acc)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t result;

    __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
    return result;
#else
    const int32_t low = mcu_slm_low_half(a) * mcu_slm_low_half(b);
    const int32_t high = mcu_slm_high_half(a) * mcu_slm_high_half(b);

    return (int32_t)((uint32_t)acc + (uint32_t)low + (uint32_t)high);
#endif
}

/* acc + the upper 32 bits of a * b, modulo 2^32. */
static inline int32_t mcu_slm_smmla(int32_t a, int32_t b, int32_t acc)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t result;

    __asm__("smmla %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
    return result;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(int32_t)(((int64_t)a * b) >> 32));
#endif
}

/* acc + a * b / 2^32 with the product rounded, ties towards plus infinity, modulo 2^32. */
static inline int32_t mcu_slm_smmlar(int32_t a, int32_t b, int32_t acc)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t result;

    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
    return result;
#else
    const int64_t product = (int64_t)a * b + ((int64_t)1 << 31);

    return (int32_t)((uint32_t)acc + (uint32_t)(int32_t)(product >> 32));
#endif
}

/* acc + low half of a * low half of b, modulo 2^32. */
static inline int32_t mcu_slm_smlabb(uint32_t a, uint32_t b, int32_t acc)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t result;

    __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
    return result;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(mcu_slm_low_half(a) * mcu_slm_low_half(b)));
#endif
}

/* acc + high half of a * low half of b, modulo 2^32. */
static inline int32_t mcu_slm_smlatb(uint32_t a, uint32_t b, int32_t acc)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t result;

    __asm__("smlatb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(acc));
    return result;
#else
    return (int32_t)((uint32_t)acc + (uint32_t)(mcu_slm_high_half(a) * mcu_slm_low_half(b)));
#endif
}

/* a * low half of b, or high half, without its lowest 16 bits. */
static inline int32_t mcu_slm_smulwb(int32_t a, uint32_t b)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t result;

    __asm__("smulwb %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return (int32_t)(((int64_t)a * mcu_slm_low_half(b)) >> 16);
#endif
}

static inline int32_t mcu_slm_smulwt(int32_t a, uint32_t b)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t result;

    __asm__("smulwt %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return (int32_t)(((int64_t)a * mcu_slm_high_half(b)) >> 16);
#endif
}

/* value limited to a signed number of 16 or of 9 bits; compilers do not find the instruction. */
static inline int32_t mcu_slm_ssat16(int32_t value)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t result;

    __asm__("ssat %0, #16, %1" : "=r"(result) : "r"(value));
    return result;
#else
    return value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value;
#endif
}

static inline int32_t mcu_slm_ssat9(int32_t value)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t result;

    __asm__("ssat %0, #9, %1" : "=r"(result) : "r"(value));
    return result;
#else
    return value < -256 ? -256 : value > 255 ? 255 : value;
#endif
}

/* value limited to the range of int8. */
static inline int32_t mcu_slm_ssat8(int32_t value)
{
#if MCU_SLM_DSP_ASSEMBLY
    int32_t result;

    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return result;
#else
    return value < -128 ? -128 : value > 127 ? 127 : value;
#endif
}

static inline uint32_t mcu_slm_ssub16(uint32_t a, uint32_t b)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("ssub16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return mcu_slm_halves(mcu_slm_low_half(a) - mcu_slm_low_half(b),
                          mcu_slm_high_half(a) - mcu_slm_high_half(b));
#endif
}

static inline uint32_t mcu_slm_shadd16(uint32_t a, uint32_t b)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("shadd16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return mcu_slm_halves((mcu_slm_low_half(a) + mcu_slm_low_half(b)) >> 1,
                          (mcu_slm_high_half(a) + mcu_slm_high_half(b)) >> 1);
#endif
}

static inline uint32_t mcu_slm_shsub16(uint32_t a, uint32_t b)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("shsub16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
    return result;
#else
    return mcu_slm_halves((mcu_slm_low_half(a) - mcu_slm_low_half(b)) >> 1,
                          (mcu_slm_high_half(a) - mcu_slm_high_half(b)) >> 1);
#endif
}

/* The larger of each two bytes, signed. */
static inline uint32_t mcu_slm_largest_bytes(uint32_t a, uint32_t b)
{
#if MCU_SLM_DSP_ASSEMBLY
    uint32_t result;

    __asm__("ssub8  %0, %1, %2 \n"
            "sel    %0, %1, %2"
            : "=&r"(result)
            : "r"(a), "r"(b)
            : "cc");
    return result;
#else
    uint32_t result = 0;

    for (uint32_t bit = 0; bit < 32; bit += 8) {
        const int8_t x = (int8_t)(a >> bit);
        const int8_t y = (int8_t)(b >> bit);

        result |= (uint32_t)(uint8_t)(x > y ? x : y) << bit;
    }
    return result;
#endif
}

#endif
