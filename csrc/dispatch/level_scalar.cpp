#if defined(UNROLL_BUILD_SCALAR)
#define UNROLL_LEVEL scalar
#define UNROLL_LEVEL_SCALAR
#include "level-inl.h"
#else
#include "kernels.h"
#endif

namespace unroll {
#if defined(UNROLL_BUILD_SCALAR)
const Kernels* kernels_scalar() { return scalar::table(); }
#else
const Kernels* kernels_scalar() { return nullptr; }
#endif
}  // namespace unroll
