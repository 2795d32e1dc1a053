// sigmoid and tanh on groups of vectors, shared by every cell and level.
//
// Accuracy (csrc/tests/check_math.cpp measures it at every level): float32, every finite x: tanh within 2.5 units in the last place;
// sigmoid within 3 units for x >= -20 and within 1e-14 of the truth below. float64, |x| <= 20: within 4 units. Saturation: tanh(+-inf) = +-1,
// sigmoid(inf) = 1, sigmoid(-inf) below 1e-18 in float32. NaN stays NaN.
//
// Both come from 2^r - 1 = r q(r) on [-1/2, 1/2]: tanh needs the difference itself to stay relatively exact near zero, where most
// pre-activations lie; a rational approximation of the same length loses 5 units near saturation.
//
// The functions work on N vectors in step with each other: one chain of about twenty dependent operations leaves the multipliers idle most of
// the time, and the processor's window is too short to find the next chain by itself.
#pragma once

#include "vec.h"

#define UNROLL_STEP(N) _Pragma("GCC unroll 16") for (int n = 0; n < N; ++n)

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class T>
struct Exp;
// 2^r - 1 = r q(r), q from its highest coefficient down: least squares iterated to the minimax, error of 2^r 2e-9, exact at zero.
// bound: e^bound squared is still finite, so that two denominators can share a division; sigmoid(-bound) is zero to working accuracy.
template <>
struct Exp<float> {
    static constexpr int degree = 6;
    static constexpr float q[degree] = {0.0001535331f, 0.001339894f, 0.009618438f, 0.055503324f, 0.24022648f, 0.6931472f};
    static constexpr float bound = 43.0f;
    static constexpr float log2e = 1.44269504f;
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
};
// The series; the next term is below 4e-18.
template <>
struct Exp<double> {
    static constexpr int degree = 13;
    static constexpr double q[degree] = {1.3691488853904124e-12, 2.5678435993488196e-11, 4.4455382718708101e-10, 7.054911620801121e-09,
                                         1.0178086009239699e-07, 1.3215486790144305e-06, 1.525273380405984e-05,  0.0001540353039338161,
                                         0.0013333558146428441,  0.009618129107628477,   0.05550410866482158,    0.2402265069591007,
                                         0.6931471805599453};
    static constexpr double bound = 300.0;
    static constexpr double log2e = 1.4426950408889634;
    static constexpr double ln2_high = 0.69314718036912382, ln2_low = 1.9082149292705877e-10;
};

// e^x = 2^whole (1 + below), |below| < 1/2; x is replaced by `below`.
template <int N, class V>
UNROLL_INLINE void exp_parts(V (&x)[N], V (&whole)[N]) {
    using T = typename V::T;
    using E = Exp<T>;
    const V log2e = fill<V>(E::log2e);
    UNROLL_STEP(N) whole[n] = round_even(x[n] * log2e);
#if defined(UNROLL_LEVEL_SCALAR)
    // Without a fused operation ln 2 is taken away in two parts, the first with so few digits that n times it is exact.
    UNROLL_STEP(N) x[n] = ((x[n] - whole[n] * fill<V>(E::ln2_high)) - whole[n] * fill<V>(E::ln2_low)) * log2e;
#else
    UNROLL_STEP(N) x[n] = fms(x[n], log2e, whole[n]);
#endif
    V p[N];
    UNROLL_STEP(N) p[n] = fma(fill<V>(E::q[0]), x[n], fill<V>(E::q[1]));
#pragma GCC unroll 16
    for (int k = 2; k < E::degree; ++k) {
        const V q = fill<V>(E::q[k]);
        UNROLL_STEP(N) p[n] = fma(p[n], x[n], q);
    }
    UNROLL_STEP(N) x[n] = x[n] * p[n];
}

// Sigmoid and tanh as fractions: sigmoid(x) = 1 / below_line, tanh(x) = top / below_line.
// The first S of the N values are for sigmoid, the others for tanh.
template <int S, int N, class V>
UNROLL_INLINE void fractions(V (&x)[N], V (&below_line)[N]) {
    using T = typename V::T;
    const V one = fill<V>(T(1)), two = fill<V>(T(2)), bound = fill<V>(Exp<T>::bound), small = fill<V>(T(-20));
    UNROLL_STEP(N) x[n] = n < S ? min(bound, max(fill<V>(-Exp<T>::bound), fill<V>(T(0)) - x[n])) : min(fill<V>(T(20)), max(small, x[n]));
    UNROLL_STEP(N) if (n >= S) x[n] = x[n] + x[n];
    V whole[N];
    exp_parts<N>(x, whole);
    UNROLL_STEP(N) if (n < S) below_line[n] = one + scale_two(one + x[n], whole[n]);
    UNROLL_STEP(N) if (n >= S) {
        const V two_n = scale_two(one, whole[n]);
        x[n] = fma(two_n, x[n], two_n - one);
        below_line[n] = x[n] + two;
    }
}

template <int N, class V>
UNROLL_INLINE void tanh_of(V (&x)[N]) {
    V below_line[N];
    fractions<0, N>(x, below_line);
    UNROLL_STEP(N) x[n] = x[n] / below_line[n];
}

template <class V>
UNROLL_INLINE V tanh(V a) {
    V x[1] = {a};
    tanh_of<1>(x);
    return x[0];
}

template <class V>
UNROLL_INLINE V sigmoid(V a) {
    V x[1] = {a}, below_line[1];
    fractions<1, 1>(x, below_line);
    return fill<V>(typename V::T(1)) / below_line[0];
}

template <class V>
UNROLL_INLINE V relu(V x) {
    return max(fill<V>(typename V::T(0)), x);
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
