// Layer normalisation of rows: of the slots first .. first+count-1 of a gate row together, or of c (a row with one slot).
//
// Each is a pass over a whole row, so it cannot be part of a register tile's epilogue: products of a step are finished first. M rows are taken in
// step with each other: a row's sums are chains, and a root and a division follow them.
#pragma once

#include <cmath>

#include "../simd/math.h"

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

// Rows that are normalised in step with each other.
constexpr int kNormRows = 4;

// row: values in, normalised values out (before the gain); padding must be zero and stays so. scale: 1 / standard deviation.
template <class V, int M>
void normalise(const NormGroup& g, typename V::T* const (&row)[M], typename V::T (&scale)[M]) {
    using T = typename V::T;
    const T size = static_cast<T>(g.count * g.H);
    V total[M], squares[M], factor[M];
    UNROLL_STEP(M) total[n] = squares[n] = fill<V>(T(0));
    each_vector<V>(g, [&](int64_t at, int64_t) { UNROLL_STEP(M) total[n] = total[n] + load<V>(row[n] + at); });
    UNROLL_STEP(M) factor[n] = fill<V>(sum(total[n]) / size);
    each_vector<V>(g, [&](int64_t at, int64_t lanes) {
        UNROLL_STEP(M) {
            const V d = real_lanes(load<V>(row[n] + at) - factor[n], lanes);
            store(row[n] + at, d);
            squares[n] = fma(d, d, squares[n]);
        }
    });
    UNROLL_STEP(M) scale[n] = T(1) / std::sqrt(sum(squares[n]) / size + static_cast<T>(kNormEpsilon));
    UNROLL_STEP(M) factor[n] = fill<V>(scale[n]);
    each_vector<V>(g, [&](int64_t at, int64_t) { UNROLL_STEP(M) store(row[n] + at, load<V>(row[n] + at) * factor[n]); });
}

// d: gradient of gain * normalised, same shape as row. row: normalised values in, gradient of the raw values out. gain_sum: += d * normalised.
template <class V, int M>
void normalise_backward(const NormGroup& g, const typename V::T* const (&d)[M], const typename V::T* gain, const typename V::T (&scale)[M],
                        typename V::T* const (&row)[M], typename V::T* const (&gain_sum)[M]) {
    using T = typename V::T;
    const T size = static_cast<T>(g.count * g.H);
    V total[M], along[M], factor[M];
    UNROLL_STEP(M) total[n] = along[n] = fill<V>(T(0));
    each_vector<V>(g, [&](int64_t at, int64_t) {
        const V gains = load<V>(gain + at);
        UNROLL_STEP(M) {
            const V x = load<V>(row[n] + at), dy = load<V>(d[n] + at), dn = dy * gains;
            total[n] = total[n] + dn;
            along[n] = fma(dn, x, along[n]);
            store(gain_sum[n] + at, fma(dy, x, load<V>(gain_sum[n] + at)));
        }
    });
    UNROLL_STEP(M) {
        total[n] = fill<V>(sum(total[n]) / size);
        along[n] = fill<V>(sum(along[n]) / size);
        factor[n] = fill<V>(scale[n]);
    }
    each_vector<V>(g, [&](int64_t at, int64_t lanes) {
        const V gains = load<V>(gain + at);
        UNROLL_STEP(M) {
            const V x = load<V>(row[n] + at), dn = load<V>(d[n] + at) * gains;
            store(row[n] + at, real_lanes(fnma(x, along[n], dn - total[n]) * factor[n], lanes));
        }
    });
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
