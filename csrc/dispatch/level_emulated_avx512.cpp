// The kernels of avx512bf16 without its instruction, for tests on CPUs that lack it; the same source and the same flags but for one.
#if defined(UNROLL_BUILD_AVX512)
#define UNROLL_LEVEL avx512bf16_emulated
#define UNROLL_LEVEL_AVX512
#define UNROLL_PAIRS
#include "level-inl.h"
#else
#include "kernels.h"
#endif

namespace unroll {
#if defined(UNROLL_BUILD_AVX512)
const Kernels* kernels_avx512bf16_emulated() { return avx512bf16_emulated::table(); }
#else
const Kernels* kernels_avx512bf16_emulated() { return nullptr; }
#endif
}  // namespace unroll
