// One vector vocabulary for every instruction set. The including .cpp defines UNROLL_LEVEL (the namespace of the level) and exactly one of
// UNROLL_LEVEL_AVX512, UNROLL_LEVEL_AVX2, UNROLL_LEVEL_NEON, UNROLL_LEVEL_SCALAR; all code of the level lives in unroll::UNROLL_LEVEL, so
// that the linker can never merge inline functions that were compiled for different instruction sets.
//
// VecF and VecD: T, lanes, registers (of the register file), and
//   load(p, V()), store(p, a), load_part(p, n, V()) (0 <= n < lanes; the other lanes are zero and not touched), store_part(p, a, n), fill(x, V())
//   + - * /, fma a*b+c, fnma c-a*b, fms a*b-c (fused where the level has it), abs, copy_sign(magnitude, sign)
//   max, min: the second argument if one of them is NaN, so that max(bound, x) keeps a NaN in x
//   if_greater(a, b, yes, no): `no` where a or b is NaN
//   scale_two(a, n) = a * 2^n for whole n that leave the result normal, sum (all lanes, one fixed order)
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bfloat16.h"
#include "compiler.h"

#if defined(UNROLL_LEVEL_AVX512) || defined(UNROLL_LEVEL_AVX2)
#include <immintrin.h>
#elif defined(UNROLL_LEVEL_NEON)
#include <arm_neon.h>
#endif

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

#if defined(UNROLL_LEVEL_AVX512)
#include "vec_avx512.h"
#elif defined(UNROLL_LEVEL_AVX2)
#include "vec_avx2.h"
#elif defined(UNROLL_LEVEL_NEON)
#include "vec_neon.h"
#elif defined(UNROLL_LEVEL_SCALAR)
#include "vec_scalar.h"
#else
#error "define one of UNROLL_LEVEL_AVX512, UNROLL_LEVEL_AVX2, UNROLL_LEVEL_NEON, UNROLL_LEVEL_SCALAR"
#endif

template <class T>
struct VecOf;
template <>
struct VecOf<float> {
    using type = VecF;
};
template <>
struct VecOf<double> {
    using type = VecD;
};
template <class T>
using Vec = typename VecOf<T>::type;

// Rows to columns of a square of lanes. Levels with shuffles worth using have an overload of their own.
template <class V>
UNROLL_INLINE void transpose(V (&r)[V::lanes]) {
    alignas(64) typename V::T square[V::lanes][V::lanes], turned[V::lanes][V::lanes];
    for (int i = 0; i < V::lanes; ++i) store(square[i], r[i]);
    for (int i = 0; i < V::lanes; ++i)
        for (int j = 0; j < V::lanes; ++j) turned[i][j] = square[j][i];
    for (int i = 0; i < V::lanes; ++i) r[i] = load(turned[i], V());
}

template <class V>
UNROLL_INLINE V load(const typename V::T* p) {
    return load(p, V());
}
template <class V>
UNROLL_INLINE V fill(typename V::T a) {
    return fill(a, V());
}

// n lanes of a row that has no padding: a whole vector where there is room.
template <class V>
UNROLL_INLINE V load_lanes(const typename V::T* p, int64_t n) {
    return n >= V::lanes ? load(p, V()) : load_part(p, n, V());
}
template <class V>
UNROLL_INLINE void store_lanes(typename V::T* p, V a, int64_t n) {
    if (n >= V::lanes)
        store(p, a);
    else
        store_part(p, a, n);
}

// The arithmetic of tiles (scan/tile-inl.h) on single elements. T: of sums and weights. X: of the caller's rows, the left operands. An operand
// is `fold` elements of X.
template <class Vector>
struct Singles {
    using V = Vector;
    using T = typename V::T;
    using X = T;
    static constexpr int64_t fold = 1;
    UNROLL_INLINE V broadcast(const T* p) { return fill(*p, V()); }
    UNROLL_INLINE V load(const T* p) { return UNROLL_LEVEL::load(p, V()); }
    UNROLL_INLINE V multiply_add(V a, V b, V sum) { return fma(a, b, sum); }
};

#if defined(UNROLL_PAIRS)
#include "pairs.h"
#endif

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
