// bfloat16 as 16-bit words, the upper halves of float32, one value at a time. Internal linkage, so that the linker cannot merge what was
// compiled for different instruction sets.
#pragma once

#include <cstdint>
#include <cstring>

namespace unroll {
namespace {

inline float widen(uint16_t a) {
    const uint32_t bits = static_cast<uint32_t>(a) << 16;
    float r;
    std::memcpy(&r, &bits, sizeof r);
    return r;
}

// To the nearest, ties to even; NaN stays NaN.
inline uint16_t narrow(float a) {
    uint32_t bits;
    std::memcpy(&bits, &a, sizeof bits);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
}

inline float widen(float a) { return a; }
inline double widen(double a) { return a; }
inline void put(float* to, float a) { *to = a; }
inline void put(double* to, double a) { *to = a; }
inline void put(uint16_t* to, float a) { *to = narrow(a); }

// n values to n values of perhaps another type.
template <class From, class To>
void put_row(const From* from, int64_t n, To* to) {
    for (int64_t i = 0; i < n; ++i) put(to + i, widen(from[i]));
}

}  // namespace
}  // namespace unroll
