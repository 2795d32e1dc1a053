// The light GRU's pointwise part; equations in src/unroll/cells/ligru.py. Slots z n.
#pragma once

#include "../scan/cell-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class V>
struct LightGru {
    using T = typename V::T;
    static constexpr CellFacts facts{2, 2, 0, 2, 2, kLayerNorm | kDropout | kZoneoutH};
    static constexpr int bias_slot = -1;
    static constexpr bool reset_before = false;
    static constexpr bool two_stages = false;
    static constexpr int group = 4;
    static constexpr int span = 1;
    static constexpr bool normalises_c = false;
    static constexpr bool carries_h = true;

    template <bool Plain, bool Save, int M>
    UNROLL_INLINE void gates(const Context<T>& x, const ForwardRow<T>* rows, int64_t uv, int64_t lanes) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        V z[M], below[M];
        UNROLL_STEP(M) z[n] = load<V>(rows[n].gates + 2 * at);
        fractions<M, M>(z, below);
        UNROLL_STEP(M) {
            const ForwardRow<T>& row = rows[n];
            const V update = inverse(below[n]), candidate = relu(load<V>(row.gates + 2 * at + L));
            const V old = load_lanes<V>(row.h_old + at, lanes);
            V h = fma(update, old - candidate, candidate);
            if constexpr (Save) {
                store(row.gates + 2 * at, update);
                store(row.gates + 2 * at + L, candidate);
            }
            if constexpr (!Plain) {
                if (x.options & kZoneoutH) h = zoned(kept<V>(row.zoneout_h, x.zoneout_h, at, lanes), old, h);
                if (row.trace_gates) {
                    store_lanes(row.trace_gates + at, update, lanes);
                    store_lanes(row.trace_gates + x.H + at, candidate, lanes);
                }
            }
            put_h(row, at, h, lanes);
        }
    }

    template <bool Plain, bool Save, int M>
    UNROLL_INLINE void output(const Context<T>&, const ForwardRow<T>*, int64_t, int64_t) {}

    template <bool Plain>
    UNROLL_INLINE void backward(const Context<T>& x, const BackwardRow<T>& row, V dh, int64_t uv, int64_t lanes) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        T* gates = row.gates + 2 * at;
        const V zero = fill<V>(T(0));
        V carry = zero;
        if constexpr (!Plain)
            if (x.options & kZoneoutH) {
                carry = kept<V>(row.zoneout_h, x.zoneout_h, at, lanes) * dh;
                dh = dh - carry;
            }
        const V update = load<V>(gates), candidate = load<V>(gates + L), old = load_lanes<V>(row.h_old + at, lanes);
        const V through = dh * update;
        store(gates, dh * (old - candidate) * (update - update * update));
        // As torch, the slope at zero is zero.
        store(gates + L, if_greater(candidate, zero, dh - through, candidate));
        store(row.carry_out + at, row.cut ? zero : carry + through);
    }
};

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
