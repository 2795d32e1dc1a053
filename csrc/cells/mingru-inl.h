// minGRU's pointwise part; equations in src/unroll/cells/mingru.py. Slots z n, of which neither has a recurrent product.
#pragma once

#include "../scan/cell-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class V>
struct MinGru {
    using T = typename V::T;
    static constexpr CellFacts facts{2, 2, 0, 0, 2, kZoneoutH};
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
            const V update = inverse(below[n]), candidate = load<V>(row.gates + 2 * at + L);
            const V old = load_lanes<V>(row.h_old + at, lanes);
            V h = fma(update, candidate - old, old);
            if constexpr (Save) store(row.gates + 2 * at, update);
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
        V carry = fill<V>(T(0));
        if constexpr (!Plain)
            if (x.options & kZoneoutH) {
                carry = kept<V>(row.zoneout_h, x.zoneout_h, at, lanes) * dh;
                dh = dh - carry;
            }
        const V update = load<V>(gates), candidate = load<V>(gates + L), old = load_lanes<V>(row.h_old + at, lanes);
        const V fresh = dh * update;
        store(gates, dh * (candidate - old) * (update - update * update));
        store(gates + L, fresh);
        store(row.carry_out + at, row.cut ? fill<V>(T(0)) : carry + (dh - fresh));
    }
};

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
