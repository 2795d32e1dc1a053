// The simple RNN's pointwise part; equations in src/unroll/cells/rnn.py. Its gate row holds the new h before zoneout.
#pragma once

#include "../scan/cell-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class V>
struct Tanh {
    template <int M>
    UNROLL_INLINE void apply(V (&a)[M]) {
        tanh_of<M>(a);
    }
    UNROLL_INLINE V slope(V y, V d) { return d * fnma(y, y, fill<V>(typename V::T(1))); }
};
template <class V>
struct Relu {
    template <int M>
    UNROLL_INLINE void apply(V (&a)[M]) {
        UNROLL_STEP(M) a[n] = relu(a[n]);
    }
    // As torch, the slope at zero is zero. y is positive, zero or NaN.
    UNROLL_INLINE V slope(V y, V d) { return if_greater(y, fill<V>(typename V::T(0)), d, y); }
};

template <class V, template <class> class F>
struct Rnn {
    using T = typename V::T;
    static constexpr CellFacts facts{1, 1, 0, 1, 0, kLayerNorm | kDropout | kZoneoutH};
    static constexpr int bias_slot = -1;
    static constexpr bool two_stages = false;
    static constexpr int group = 4;
    static constexpr int span = 4;
    static constexpr bool reset_before = false;
    static constexpr bool normalises_c = false;
    static constexpr bool carries_h = false;

    // W unit vectors of M rows.
    template <bool Plain, bool Save, int M, int W = 1>
    UNROLL_INLINE void gates(const Context<T>& x, const ForwardRow<T>* rows, int64_t uv, int64_t lanes) {
        constexpr int L = V::lanes;
        V h[M * W];
        UNROLL_STEP(M * W) h[n] = load<V>(rows[n / W].gates + (uv + n % W) * L);
        F<V>::template apply<M * W>(h);
        UNROLL_STEP(M * W) {
            const ForwardRow<T>& row = rows[n / W];
            const int64_t at = (uv + n % W) * L, rest = lanes - n % W * L;
            if constexpr (Save) store(row.gates + at, h[n]);
            if constexpr (!Plain)
                if (x.options & kZoneoutH)
                    h[n] = zoned(kept<V>(row.zoneout_h, x.zoneout_h, at, rest), load_lanes<V>(row.h_old + at, rest), h[n]);
            put_h(row, at, h[n], rest);
        }
    }

    template <bool Plain, bool Save, int M>
    UNROLL_INLINE void output(const Context<T>&, const ForwardRow<T>*, int64_t, int64_t) {}

    template <bool Plain>
    UNROLL_INLINE void backward(const Context<T>& x, const BackwardRow<T>& row, V dh, int64_t uv, int64_t n) {
        const int64_t at = uv * V::lanes;
        if constexpr (!Plain)
            if (x.options & kZoneoutH) {
                const V keep = kept<V>(row.zoneout_h, x.zoneout_h, at, n);
                store(row.carry_out + at, row.cut ? fill<V>(T(0)) : keep * dh);
                dh = dh - keep * dh;
            }
        store(row.gates + at, F<V>::slope(load<V>(row.gates + at), dh));
    }
};

template <class V>
using RnnTanh = Rnn<V, Tanh>;
template <class V>
using RnnRelu = Rnn<V, Relu>;

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
