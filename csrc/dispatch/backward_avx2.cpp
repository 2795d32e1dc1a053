#if defined(UNROLL_BUILD_AVX2)
#define UNROLL_LEVEL avx2
#define UNROLL_LEVEL_AVX2
#define UNROLL_BACKWARD
#include "level-inl.h"
#endif
