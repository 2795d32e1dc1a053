// GRU's pointwise part, reset after or before the product; equations in src/unroll/cells/gru.py.
// Slots n r z hn with reset after: n comes in as the input part alone, hn is the recurrent part. n r z with reset before: the recurrent
// product of n is added to its slot between gates() and output().
#pragma once

#include "../scan/cell-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class V, bool Before>
struct AnyGru {
    using T = typename V::T;
    static constexpr int slots = Before ? 3 : 4;
    static constexpr CellFacts facts{3, slots, 1, Before ? 2 : 3, 3, kLayerNorm | kDropout | kZoneoutH, false, true, Before};
    static constexpr int bias_slot = Before ? -1 : 3;
    static constexpr bool reset_before = Before;
    static constexpr bool two_stages = true;
    static constexpr int group = 4;
    static constexpr int span = 1;
    static constexpr bool normalises_c = false;
    static constexpr bool carries_h = true;

    template <bool Plain, bool Save, int M>
    UNROLL_INLINE void gates(const Context<T>&, const ForwardRow<T>* rows, int64_t uv, int64_t lanes) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L * slots;
        V x[2 * M], below[2 * M];
        UNROLL_STEP(2 * M) x[n] = load<V>(rows[n % M].gates + at + (1 + n / M) * L);
        fractions<2 * M, 2 * M>(x, below);
        // r and z share an inverse: it costs more than the two products that undo it.
        UNROLL_STEP(M) {
            const V rz = inverse(below[n] * below[M + n]);
            const V r = below[M + n] * rz;
            T* a = rows[n].gates + at;
            store(a + 2 * L, below[n] * rz);
            if constexpr (Before)
                store_lanes(rows[n].reset_h + uv * L, r * load_lanes<V>(rows[n].h_in + uv * L, lanes), lanes);
            else
                store(a, fma(r, load<V>(a + 3 * L), load<V>(a)));
            if (Save || !Plain) store(a + L, r);
        }
    }

    template <bool Plain, bool Save, int M>
    UNROLL_INLINE void output(const Context<T>& x, const ForwardRow<T>* rows, int64_t uv, int64_t lanes) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        V candidate[M];
        UNROLL_STEP(M) candidate[n] = load<V>(rows[n].gates + at * slots);
        tanh_of<M>(candidate);
        for (int m = 0; m < M; ++m) {
            const ForwardRow<T>& row = rows[m];
            T* a = row.gates + at * slots;
            const V n = candidate[m];
            const V z = load<V>(a + 2 * L);
            const V old = load_lanes<V>(row.h_old + at, lanes);
            V h = fma(z, old - n, n);
            if constexpr (Save) store(a, n);
            if constexpr (!Plain) {
                if (x.options & kZoneoutH) h = zoned(kept<V>(row.zoneout_h, x.zoneout_h, at, lanes), old, h);
                if (row.trace_gates) {
                    store_lanes(row.trace_gates + at, load<V>(a + L), lanes);
                    store_lanes(row.trace_gates + x.H + at, z, lanes);
                    store_lanes(row.trace_gates + 2 * x.H + at, n, lanes);
                }
            }
            put_h(row, at, h, lanes);
        }
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
        const V n = load<V>(gates), z = load<V>(gates + 2 * L);
        const V old = load_lanes<V>(row.h_old + at, n_lanes);
        const V dz = dh * (old - n) * (z - z * z);
        const V through = dh * z;
        const V dn = (dh - through) * fnma(n, n, one);
        store(gates, dn);
        store(gates + 2 * L, dz);
        if constexpr (!Before) {
            const V r = load<V>(gates + L), hn = load<V>(gates + 3 * L);
            store(gates + L, dn * hn * (r - r * r));
            store(gates + 3 * L, dn * r);
        }
        store(row.carry_out + at, row.cut ? fill<V>(T(0)) : carry + through);
    }

    // Reset before the product: d is the gradient of reset * h.
    UNROLL_INLINE void backward_reset(const BackwardRow<T>& row, V d, int64_t uv, int64_t n_lanes) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        T* gates = row.gates + at * slots;
        const V mask = row.dropout ? load_lanes<V>(row.dropout + at, n_lanes) : fill<V>(T(1));
        const V h = mask * load_lanes<V>(row.h_old + at, n_lanes);
        const V r = load<V>(gates + L);
        store_lanes(row.reset_h + at, r * h, n_lanes);
        store(gates + L, d * h * (r - r * r));
        if (!row.cut) store(row.carry_out + at, fma(d * r, mask, load<V>(row.carry_out + at)));
    }
};

template <class V>
using Gru = AnyGru<V, false>;
template <class V>
using GruResetBefore = AnyGru<V, true>;

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
