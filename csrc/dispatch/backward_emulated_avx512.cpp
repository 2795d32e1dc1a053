#if defined(UNROLL_BUILD_AVX512)
#define UNROLL_LEVEL avx512bf16_emulated
#define UNROLL_LEVEL_AVX512
#define UNROLL_PAIRS
#define UNROLL_BACKWARD
#include "level-inl.h"
#endif
