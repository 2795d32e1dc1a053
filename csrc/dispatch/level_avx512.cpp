#if defined(UNROLL_BUILD_AVX512)
#define UNROLL_LEVEL avx512
#define UNROLL_LEVEL_AVX512
#include "level-inl.h"
#else
#include "kernels.h"
#endif

namespace unroll {
#if defined(UNROLL_BUILD_AVX512)
const Kernels* kernels_avx512() { return avx512::table(); }
#else
const Kernels* kernels_avx512() { return nullptr; }
#endif
}  // namespace unroll
