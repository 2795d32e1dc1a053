// sigmoid and tanh on groups of vectors, shared by every cell and level.
//
// Accuracy (csrc/tests/check_math.cpp measures it at every level): float32, every finite x: tanh within 2.5 units in the last place;
// sigmoid within 3 units for x >= -20 and within 1e-14 of the truth below. float64, |x| <= 20: within 4 units. Saturation: tanh(+-inf) = +-1,
// sigmoid(inf) = 1, sigmoid(-inf) below 1e-18 in float32. NaN stays NaN.
//
// Both come from e^y - 1 on a short interval: tanh needs the difference itself to stay relatively exact near zero, where most pre-activations
// lie; a rational approximation of the same length loses 5 units near saturation.
//
// The functions work on N vectors in step with each other: one chain of about twenty dependent operations leaves the multipliers idle most of
// the time, and the processor's window is too short to find the next chain by itself.
#pragma once

#include "vec.h"

#define UNROLL_STEP(N) UNROLL_LOOP(16) for (int n = 0; n < N; ++n)

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class T>
struct Exp;
// e^y - 1 = y + y^2 q(y) for |y| <= ln(2)/2, q from its highest coefficient down: the leading term is then exact, and all other rounding errors
// are smaller by a factor y. bound: e^bound squared is still finite, so that two denominators can share a division; sigmoid(-bound) is zero
// to working accuracy. ln2_high has so few digits that its products with whole numbers are exact. rounder is
// 1.5 times the number from which on floats are whole: added and taken away again, it rounds at half the price of the instruction for it.
template <>
struct Exp<float> {
    // Least squares iterated to the minimax; relative error 1.4e-8.
    static constexpr int terms = 5;
    static constexpr float q[terms] = {0.0013882522f, 0.008366515f, 0.0416672f, 0.16666543f, 0.49999997f};
    static constexpr float bound = 43.0f;
    static constexpr float log2e = 1.44269504f;
    static constexpr float rounder = 12582912.0f;
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
};
template <>
struct Exp<double> {
    // The series; its next term is below 1e-18.
    static constexpr int terms = 12;
    static constexpr double q[terms] = {1.6059043836821613e-10, 2.08767569878681e-09,   2.505210838544172e-08, 2.755731922398589e-07,
                                        2.7557319223985893e-06, 2.48015873015873e-05,   0.0001984126984126984, 0.001388888888888889,
                                        0.008333333333333333,   0.041666666666666664,   0.16666666666666666,   0.5};
    static constexpr double bound = 300.0;
    static constexpr double log2e = 1.4426950408889634;
    static constexpr double rounder = 6755399441055744.0;
    static constexpr double ln2_high = 0.69314718036912382, ln2_low = 1.9082149292705877e-10;
};

// e^x = 2^whole (1 + below), -0.3 < below < 0.42; x is replaced by `below`.
template <int N, class V>
UNROLL_INLINE void exp_parts(V (&x)[N], V (&whole)[N]) {
    using T = typename V::T;
    using E = Exp<T>;
    const V log2e = fill<V>(E::log2e), high = fill<V>(E::ln2_high), low = fill<V>(E::ln2_low), rounder = fill<V>(E::rounder);
    UNROLL_STEP(N) whole[n] = fma(x[n], log2e, rounder) - rounder;
    UNROLL_STEP(N) x[n] = fnma(whole[n], high, x[n]);
    UNROLL_STEP(N) x[n] = fnma(whole[n], low, x[n]);
    V p[N];
    UNROLL_STEP(N) p[n] = fma(fill<V>(E::q[0]), x[n], fill<V>(E::q[1]));
UNROLL_LOOP(16)
    for (int k = 2; k < E::terms; ++k) {
        const V q = fill<V>(E::q[k]);
        UNROLL_STEP(N) p[n] = fma(p[n], x[n], q);
    }
    UNROLL_STEP(N) p[n] = p[n] * x[n];
    UNROLL_STEP(N) x[n] = fma(p[n], x[n], x[n]);
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
    UNROLL_STEP(N) x[n] = divide(x[n], below_line[n]);
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
    return inverse(below_line[0]);
}

template <class V>
UNROLL_INLINE V relu(V x) {
    return max(fill<V>(typename V::T(0)), x);
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
