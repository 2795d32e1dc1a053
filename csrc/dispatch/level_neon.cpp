#if defined(UNROLL_BUILD_NEON)
#define UNROLL_LEVEL neon
#define UNROLL_LEVEL_NEON
#include "level-inl.h"
#else
#include "kernels.h"
#endif

namespace unroll {
#if defined(UNROLL_BUILD_NEON)
const Kernels* kernels_neon() { return neon::table(); }
#else
const Kernels* kernels_neon() { return nullptr; }
#endif
}  // namespace unroll
