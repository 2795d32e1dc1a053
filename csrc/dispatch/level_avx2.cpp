#if defined(UNROLL_BUILD_AVX2)
#define UNROLL_LEVEL avx2
#define UNROLL_LEVEL_AVX2
#include "level-inl.h"
#else
#include "kernels.h"
#endif

namespace unroll {
#if defined(UNROLL_BUILD_AVX2)
const Kernels* kernels_avx2() { return avx2::table(); }
#else
const Kernels* kernels_avx2() { return nullptr; }
#endif
}  // namespace unroll
