// Layer normalisation of rows: of the slots first .. first+count-1 of a gate row together, or of c (a row with one slot).
//
// Each is a pass over a whole row, so it cannot be part of a register tile's epilogue: products of a step are finished first.
#pragma once

#include <cmath>

#include "../simd/vec.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

// Which vectors of a row [unit_vectors][slots][lanes] are normalised together, and how many units are real.
struct NormGroup {
    int64_t unit_vectors;
    int64_t slots;
    int64_t first;
    int64_t count;
    int64_t H;
};

// torch.nn.LayerNorm's default, as in src/unroll/cells/parts.py.
constexpr double kNormEpsilon = 1e-5;

template <class V>
UNROLL_INLINE V real_lanes(V a, int64_t n) {
    if (n >= V::lanes) return a;
    typename V::T lane[V::lanes];
    store(lane, a);
    return load_part(lane, n, V());
}

template <class V, class F>
UNROLL_INLINE void each_vector(const NormGroup& g, F&& f) {
    for (int64_t u = 0; u < g.unit_vectors; ++u)
        for (int64_t s = g.first; s < g.first + g.count; ++s) f((u * g.slots + s) * V::lanes, g.H - u * V::lanes);
}

// row: values in, normalised values out (before the gain); padding must be zero and stays so. Returns 1 / standard deviation.
template <class V>
typename V::T normalise(const NormGroup& g, typename V::T* row) {
    using T = typename V::T;
    const T n = static_cast<T>(g.count * g.H);
    V total = fill<V>(T(0));
    each_vector<V>(g, [&](int64_t at, int64_t) { total = total + load<V>(row + at); });
    const V mean = fill<V>(sum(total) / n);
    V squares = fill<V>(T(0));
    each_vector<V>(g, [&](int64_t at, int64_t lanes) {
        const V d = real_lanes(load<V>(row + at) - mean, lanes);
        store(row + at, d);
        squares = fma(d, d, squares);
    });
    const T scale = T(1) / std::sqrt(sum(squares) / n + static_cast<T>(kNormEpsilon));
    const V scales = fill<V>(scale);
    each_vector<V>(g, [&](int64_t at, int64_t) { store(row + at, load<V>(row + at) * scales); });
    return scale;
}

// d: gradient of gain * normalised, same shape as row. row: normalised values in, gradient of the raw values out. gain_sum: += d * normalised.
template <class V>
void normalise_backward(const NormGroup& g, const typename V::T* d, const typename V::T* gain, typename V::T scale, typename V::T* row,
                        typename V::T* gain_sum) {
    using T = typename V::T;
    const T n = static_cast<T>(g.count * g.H);
    V total = fill<V>(T(0)), along = fill<V>(T(0));
    each_vector<V>(g, [&](int64_t at, int64_t) {
        const V x = load<V>(row + at), dy = load<V>(d + at), dn = dy * load<V>(gain + at);
        total = total + dn;
        along = fma(dn, x, along);
        store(gain_sum + at, fma(dy, x, load<V>(gain_sum + at)));
    });
    const V mean = fill<V>(sum(total) / n), slope = fill<V>(sum(along) / n), scales = fill<V>(scale);
    each_vector<V>(g, [&](int64_t at, int64_t lanes) {
        const V x = load<V>(row + at), dn = load<V>(d + at) * load<V>(gain + at);
        store(row + at, real_lanes(fnma(x, slope, dn - mean) * scales, lanes));
    });
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
