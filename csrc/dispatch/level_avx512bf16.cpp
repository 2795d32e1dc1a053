#if defined(UNROLL_BUILD_AVX512BF16)
#define UNROLL_LEVEL avx512bf16
#define UNROLL_LEVEL_AVX512
#define UNROLL_PAIRS
#define UNROLL_PAIRS_INSTRUCTION
#include "level-inl.h"
#else
#include "kernels.h"
#endif

namespace unroll {
#if defined(UNROLL_BUILD_AVX512BF16)
const Kernels* kernels_avx512bf16() { return avx512bf16::table(); }
#else
const Kernels* kernels_avx512bf16() { return nullptr; }
#endif
}  // namespace unroll
