#if defined(UNROLL_BUILD_AVX512)
#define UNROLL_LEVEL avx512
#define UNROLL_LEVEL_AVX512
#define UNROLL_BACKWARD
#include "level-inl.h"
#endif
