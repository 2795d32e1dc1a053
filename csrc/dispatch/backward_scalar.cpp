#if defined(UNROLL_BUILD_SCALAR)
#define UNROLL_LEVEL scalar
#define UNROLL_LEVEL_SCALAR
#define UNROLL_BACKWARD
#include "level-inl.h"
#endif
