#if defined(UNROLL_BUILD_NEON)
#define UNROLL_LEVEL neon
#define UNROLL_LEVEL_NEON
#define UNROLL_BACKWARD
#include "level-inl.h"
#endif
