// The simple RNN's pointwise part; equations in src/unroll/cells/rnn.py. Its gate row holds the new h before zoneout.
#pragma once

#include "../scan/cell-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class V>
struct Tanh {
    static V value(V a) { return tanh(a); }
    static V slope(V y, V d) { return d * fnma(y, y, fill<V>(typename V::T(1))); }
};
template <class V>
struct Relu {
    static V value(V a) { return relu(a); }
    // As torch, the slope at zero is zero. y is positive, zero or NaN.
    static V slope(V y, V d) { return if_greater(y, fill<V>(typename V::T(0)), d, y); }
};

template <class V, template <class> class F>
struct Rnn {
    using T = typename V::T;
    static constexpr int slots = 1;
    static constexpr int bias_slot = -1;
    static constexpr bool carries_h = false;

    template <bool Plain, bool Save>
    UNROLL_INLINE void forward(const Context<T>& x, const ForwardRow<T>& row, int64_t uv, int64_t n) {
        const int64_t at = uv * V::lanes;
        V h = F<V>::value(load<V>(row.gates + at));
        if constexpr (Save) store(row.gates + at, h);
        if constexpr (!Plain)
            if (x.options & kZoneoutH) h = zoned(kept<V>(row.zoneout_h, x.zoneout_h, at, n), load_lanes<V>(row.h_old + at, n), h);
        store_lanes(row.h + at, h, n);
    }

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
