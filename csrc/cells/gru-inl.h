// GRU's pointwise part, reset after the product; equations in src/unroll/cells/gru.py.
// Slots n r z hn: n in comes as the input part alone, hn is the recurrent part.
#pragma once

#include "../scan/cell-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class V>
struct Gru {
    using T = typename V::T;
    static constexpr int slots = 4;
    static constexpr int bias_slot = 3;
    static constexpr bool carries_h = true;

    template <bool Plain, bool Save>
    UNROLL_INLINE void forward(const Context<T>& x, const ForwardRow<T>& row, int64_t uv, int64_t n_lanes) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        T* gates = row.gates + at * slots;
        const V hn = load<V>(gates + 3 * L);
        const V r = sigmoid(load<V>(gates + L));
        const V z = sigmoid(load<V>(gates + 2 * L));
        const V n = tanh(fma(r, hn, load<V>(gates)));
        const V old = load_lanes<V>(row.h_old + at, n_lanes);
        V h = fma(z, old - n, n);
        if constexpr (Save) {
            store(gates, n);
            store(gates + L, r);
            store(gates + 2 * L, z);
        }
        if constexpr (!Plain) {
            if (x.options & kZoneoutH) h = zoned(kept<V>(row.zoneout_h, x.zoneout_h, at, n_lanes), old, h);
            if (row.trace_gates) {
                store_lanes(row.trace_gates + at, r, n_lanes);
                store_lanes(row.trace_gates + x.H + at, z, n_lanes);
                store_lanes(row.trace_gates + 2 * x.H + at, n, n_lanes);
            }
        }
        store_lanes(row.h + at, h, n_lanes);
    }

    template <bool Plain>
    UNROLL_INLINE void backward(const Context<T>& x, const BackwardRow<T>& row, V dh, int64_t uv, int64_t n_lanes) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        T* gates = row.gates + at * slots;
        const V one = fill<V>(T(1));
        V carry = fill<V>(T(0));
        if constexpr (!Plain)
            if (x.options & kZoneoutH) {
                carry = kept<V>(row.zoneout_h, x.zoneout_h, at, n_lanes) * dh;
                dh = dh - carry;
            }
        const V n = load<V>(gates), r = load<V>(gates + L), z = load<V>(gates + 2 * L), hn = load<V>(gates + 3 * L);
        const V old = load_lanes<V>(row.h_old + at, n_lanes);
        const V dz = dh * (old - n) * (z - z * z);
        const V through = dh * z;
        const V dn = (dh - through) * fnma(n, n, one);
        store(gates, dn);
        store(gates + L, dn * hn * (r - r * r));
        store(gates + 2 * L, dz);
        store(gates + 3 * L, dn * r);
        store(row.carry_out + at, row.cut ? fill<V>(T(0)) : carry + through);
    }
};

template <class V>
using GruResetBefore = Gru<V>;

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
