// exp, sigmoid and tanh on vectors, shared by every cell and level.
//
// Accuracy over all finite float32 (csrc/tests/check_math.cpp measures it at every level): sigmoid and tanh within 2.5 units in the last
// place of the result where the result is normal and x >= -20, and within 1e-15 absolutely below that. float64: within 4 units for
// |x| <= 20. Saturation: sigmoid(-inf) <= 1e-37, sigmoid(inf) = 1, tanh(+-inf) = +-1. NaN stays NaN.
//
// Both functions come from 2^r - 1 = r q(r) on [-1/2, 1/2]: tanh needs the difference itself to stay relatively exact near zero, where most
// pre-activations lie; a rational approximation of the same length loses 5 units near saturation.
#pragma once

#include "vec.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class V>
struct Reduced {
    V whole;  // n, a whole number
    V below;  // 2^r - 1, where x log2(e) = n + r and |r| <= 1/2
};

// 2^r - 1, degree 6, relative error of 2^r 2e-9 (weighted least squares iterated to the minimax; the value at 0 is exact).
UNROLL_INLINE VecF exp2_less_one(VecF r) {
    VecF p = fill<VecF>(0.0001535331f);
    p = fma(p, r, fill<VecF>(0.001339894f));
    p = fma(p, r, fill<VecF>(0.009618438f));
    p = fma(p, r, fill<VecF>(0.055503324f));
    p = fma(p, r, fill<VecF>(0.24022648f));
    p = fma(p, r, fill<VecF>(0.6931472f));
    return p * r;
}

// The series of 2^r to degree 13; the next term is below 4e-18.
UNROLL_INLINE VecD exp2_less_one(VecD r) {
    constexpr double c[] = {0.6931471805599453,    0.2402265069591007,    0.05550410866482158,    0.009618129107628477,  0.0013333558146428441,
                            0.0001540353039338161, 1.525273380405984e-05, 1.3215486790144305e-06, 1.0178086009239699e-07, 7.054911620801121e-09,
                            4.4455382718708101e-10, 2.5678435993488196e-11, 1.3691488853904124e-12};
    VecD p = fill<VecD>(c[12]);
    for (int k = 11; k >= 0; --k) p = fma(p, r, fill<VecD>(c[k]));
    return p * r;
}

// The remainder of x log2(e), exact but for the rounding of the constant. Without a fused operation ln 2 is taken away in two parts, the
// first of which has so few digits that n times it is exact.
UNROLL_INLINE VecF remainder(VecF x, VecF n) {
#if defined(UNROLL_LEVEL_SCALAR)
    return ((x - n * fill<VecF>(0.693359375f)) + n * fill<VecF>(2.12194440e-4f)) * fill<VecF>(1.44269504f);
#else
    return fms(x, fill<VecF>(1.44269504f), n);
#endif
}
UNROLL_INLINE VecD remainder(VecD x, VecD n) {
#if defined(UNROLL_LEVEL_SCALAR)
    return ((x - n * fill<VecD>(0.69314718036912382)) - n * fill<VecD>(1.9082149292705877e-10)) * fill<VecD>(1.4426950408889634);
#else
    return fms(x, fill<VecD>(1.4426950408889634), n);
#endif
}

template <class V>
UNROLL_INLINE Reduced<V> reduce(V x) {
    using T = typename V::T;
    const V n = round_even(x * fill<V>(T(1.4426950408889634)));
    return {n, exp2_less_one(remainder(x, n))};
}

// Beyond +-87 e^x would leave float32's normal numbers; sigmoid is then 0 or 1 to working accuracy.
template <class V>
UNROLL_INLINE V sigmoid(V x) {
    using T = typename V::T;
    const V one = fill<V>(T(1));
    const V y = min(fill<V>(T(87)), max(fill<V>(T(-87)), fill<V>(T(0)) - x));
    const Reduced<V> e = reduce(y);
    return one / (one + scale_two(one + e.below, e.whole));
}

// (e^2x - 1) / (e^2x + 1). Beyond 20 the result is +-1 in float64 too.
template <class V>
UNROLL_INLINE V tanh(V x) {
    using T = typename V::T;
    const V one = fill<V>(T(1));
    const V y = min(fill<V>(T(20)), max(fill<V>(T(-20)), x));
    const Reduced<V> e = reduce(y + y);
    const V two_n = scale_two(one, e.whole);
    const V less_one = fma(two_n, e.below, two_n - one);
    return less_one / (less_one + fill<V>(T(2)));
}

template <class V>
UNROLL_INLINE V relu(V x) {
    return max(fill<V>(typename V::T(0)), x);
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
