// Which levels an x86 CPU and its operating system have, from CPUID itself (Intel's manual, volume 2, "CPUID"): for compilers that do not
// answer by name. csrc/tests/check_threads.cpp holds it against that where both are there.
#pragma once

#include "../scan/api.h"
#include "../simd/compiler.h"

namespace unroll {

#if defined(UNROLL_CPUID)
inline bool cpuid_has(Level level) {
    const auto all = [](unsigned int word, unsigned int bits) { return (word & bits) == bits; };
    const auto bit = [](int n) { return 1u << n; };
    unsigned int words[4] = {0, 0, 0, 0};
    UNROLL_CPUID(words, 0, 0);
    const unsigned int last = words[0];
    if (level == Level::scalar) return true;
    if (level == Level::neon || last < 7) return false;
    UNROLL_CPUID(words, 1, 0);
    if (!all(words[2], bit(12) | bit(27) | bit(28))) return false;  // FMA, OSXSAVE, AVX
    unsigned int saved = 0;
    UNROLL_READ_XCR0(saved);
    UNROLL_CPUID(words, 7, 0);
    const unsigned int more = words[0], features = words[1];
    if (!all(saved, bit(1) | bit(2)) || !all(features, bit(5) | bit(8))) return false;  // registers of 256 bits; AVX2, BMI2
    if (level == Level::avx2) return true;
    const unsigned int wide = bit(16) | bit(17) | bit(30) | bit(31);  // AVX-512 F, DQ, BW, VL
    if (!all(saved, bit(5) | bit(6) | bit(7)) || !all(features, wide)) return false;
    if (level != Level::avx512bf16) return true;
    if (more < 1) return false;
    UNROLL_CPUID(words, 7, 1);
    return all(words[0], bit(5));
}
#endif

}  // namespace unroll
