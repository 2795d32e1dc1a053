// LSTM's pointwise part; equations in src/unroll/cells/lstm.py. Slots i f g o, coupled: i g o.
#pragma once

#include "../scan/cell-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class V>
struct Lstm {
    using T = typename V::T;
    static constexpr int slots = 4;
    static constexpr CellFacts facts{4, slots, 0, 4, 4, kPeephole | kCoupled | kLayerNorm | kCellClip | kDropout | kZoneoutH | kZoneoutC, true};
    static constexpr int bias_slot = -1;
    static constexpr bool two_stages = true;
    static constexpr int group = 2;
    static constexpr int span = 1;
    static constexpr bool reset_before = false;
    static constexpr bool normalises_c = true;
    static constexpr bool carries_h = false;

    // a: i f g o of M rows, [gate * M + row], pre-activations in, activations out. Two gates share an inverse: it costs more than the three
    // products that undo it.
    template <int M>
    UNROLL_INLINE void activate(V (&a)[4 * M]) {
        V x[4 * M], below[4 * M];
        UNROLL_STEP(M) x[n] = a[n], x[M + n] = a[M + n], x[2 * M + n] = a[3 * M + n], x[3 * M + n] = a[2 * M + n];
        fractions<3 * M, 4 * M>(x, below);
        UNROLL_STEP(M) {
            const V ig = inverse(below[n] * below[3 * M + n]);
            const V fo = inverse(below[M + n] * below[2 * M + n]);
            a[n] = below[3 * M + n] * ig;
            a[2 * M + n] = x[3 * M + n] * (below[n] * ig);
            a[M + n] = below[2 * M + n] * fo;
            a[3 * M + n] = below[M + n] * fo;
        }
    }

    template <bool Plain, bool Save, int M>
    UNROLL_INLINE void gates(const Context<T>& x, const ForwardRow<T>* rows, int64_t uv, int64_t lanes) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        if constexpr (Plain) {
            V a[4 * M];
            UNROLL_STEP(4 * M) a[n] = load<V>(rows[n % M].gates + at * slots + n / M * L);
            activate<M>(a);
            UNROLL_STEP(M) store(rows[n].c + at, fma(a[M + n], load<V>(rows[n].c_old + at), a[n] * a[2 * M + n]));
            UNROLL_STEP(4 * M) if (Save || n >= 3 * M) store(rows[n % M].gates + at * slots + n / M * L, a[n]);
        } else {
            for (int n = 0; n < M; ++n) memory<Save>(x, rows[n], uv, lanes);
        }
    }

    template <bool Plain, bool Save, int M>
    UNROLL_INLINE void output(const Context<T>& x, const ForwardRow<T>* rows, int64_t uv, int64_t lanes) {
        const int64_t at = uv * V::lanes;
        if constexpr (Plain) {
            V c[M];
            UNROLL_STEP(M) c[n] = load<V>(rows[n].c + at);
            tanh_of<M>(c);
            UNROLL_STEP(M) put_h(rows[n], at, load<V>(rows[n].gates + at * slots + 3 * V::lanes) * c[n], lanes);
        } else {
            for (int n = 0; n < M; ++n) visible(x, rows[n], load<V>(rows[n].seen + at), uv, lanes);
        }
    }

    // Everything up to c and o, with every option.
    template <bool Save>
    UNROLL_INLINE void memory(const Context<T>& x, const ForwardRow<T>& row, int64_t uv, int64_t n) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        T* gates = row.gates + at * x.slots;
        const V old = load<V>(row.c_old + at);
        V a[4] = {load<V>(gates), load<V>(gates + (x.coupled ? 0 : L)), load<V>(gates + (x.slots - 2) * L), load<V>(gates + (x.slots - 1) * L)};
        const V a_o = a[3];
        if (x.options & kPeephole) {
            a[0] = fma(load<V>(x.peephole + at), old, a[0]);
            a[1] = fma(load<V>(x.peephole + x.padded + at), old, a[1]);
        }
        activate<1>(a);
        const V i = a[0], f = x.coupled ? fill<V>(T(1)) - i : a[1], g = a[2];
        V o = a[3], c = fma(f, old, i * g);
        if (x.options & kCellClip) c = min(fill<V>(x.clip), max(fill<V>(-x.clip), c));
        if (x.options & kPeephole) o = sigmoid(fma(load<V>(x.peephole + 2 * x.padded + at), c, a_o));
        if constexpr (Save) {
            store(gates, i);
            if (!x.coupled) store(gates + L, f);
            store(gates + (x.slots - 2) * L, g);
        }
        store(gates + (x.slots - 1) * L, o);
        V kept_c = c;
        if (x.options & kZoneoutC) {
            kept_c = zoned(kept<V>(row.zoneout_c, x.zoneout_c, at, n), old, c);
            store(row.seen + at, c);
        }
        store(row.c + at, kept_c);
        if (row.trace_gates) {
            store_lanes(row.trace_gates + at, i, n);
            store_lanes(row.trace_gates + x.H + at, f, n);
            store_lanes(row.trace_gates + 2 * x.H + at, g, n);
            store_lanes(row.trace_gates + 3 * x.H + at, o, n);
        }
        if (row.trace_c) store_lanes(row.trace_c + at, kept_c, n);
    }

    UNROLL_INLINE void visible(const Context<T>& x, const ForwardRow<T>& row, V seen, int64_t uv, int64_t n) {
        const int64_t at = uv * V::lanes;
        V h = load<V>(row.gates + at * x.slots + (x.slots - 1) * V::lanes) * tanh(seen);
        if (x.options & kZoneoutH) h = zoned(kept<V>(row.zoneout_h, x.zoneout_h, at, n), load_lanes<V>(row.h_old + at, n), h);
        put_h(row, at, h, n);
    }

    // c before zoneout, from saved gates, with and without the clip.
    UNROLL_INLINE V fresh_c(const Context<T>& x, const BackwardRow<T>& row, int64_t uv, V& unbounded) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        const T* gates = row.gates + at * x.slots;
        const V i = load<V>(gates), g = load<V>(gates + (x.slots - 2) * L);
        const V f = x.coupled ? fill<V>(T(1)) - i : load<V>(gates + L);
        unbounded = fma(f, load<V>(row.c_old + at), i * g);
        return x.options & kCellClip ? min(fill<V>(x.clip), max(fill<V>(-x.clip), unbounded)) : unbounded;
    }

    template <bool Plain>
    UNROLL_INLINE void backward(const Context<T>& x, const BackwardRow<T>& row, V dh, int64_t uv, int64_t n) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        const V one = fill<V>(T(1));
        if constexpr (Plain) {
            T* gates = row.gates + at * slots;
            const V i = load<V>(gates), f = load<V>(gates + L), g = load<V>(gates + 2 * L), o = load<V>(gates + 3 * L);
            const V old = load<V>(row.c_old + at);
            const V t = tanh(fma(f, old, i * g));
            const V dc = fma(dh * o, fnma(t, t, one), load<V>(row.dc + at));
            store(gates, dc * g * (i - i * i));
            store(gates + L, dc * old * (f - f * f));
            store(gates + 2 * L, dc * i * fnma(g, g, one));
            store(gates + 3 * L, dh * t * (o - o * o));
            store(row.dc + at, row.cut ? fill<V>(T(0)) : dc * f);
        } else {
            V unbounded;
            const V c = fresh_c(x, row, uv, unbounded);
            const V t = tanh(c);
            dh = through_zoneout_h(x, row, dh, uv, n);
            const V o = load<V>(row.gates + at * x.slots + (x.slots - 1) * L);
            if (row.m) store(row.m + at, o * t);
            memory_backward(x, row, c, unbounded, dh * t, dh * o * fnma(t, t, one), uv, n);
        }
    }

    // With layer norm the pointwise part of backward is cut in two, around the normalisation of c.
    // seen, the normalised c times its gain plus its shift; d_seen receives its gradient, and slot o the gradient of the output gate.
    UNROLL_INLINE void output_backward(const Context<T>& x, const BackwardRow<T>& row, V dh, V seen, T* d_seen, T* d_o, int64_t uv, int64_t n) {
        const int64_t at = uv * V::lanes;
        const V t = tanh(seen);
        dh = through_zoneout_h(x, row, dh, uv, n);
        const V o = load<V>(row.gates + at * x.slots + (x.slots - 1) * V::lanes);
        if (row.m) store(row.m + at, o * t);
        store(d_o + at, dh * t);
        store(d_seen + at, dh * o * fnma(t, t, fill<V>(T(1))));
    }

    UNROLL_INLINE V through_zoneout_h(const Context<T>& x, const BackwardRow<T>& row, V dh, int64_t uv, int64_t n) {
        const int64_t at = uv * V::lanes;
        if (!(x.options & kZoneoutH)) return dh;
        const V part = kept<V>(row.zoneout_h, x.zoneout_h, at, n) * dh;
        store(row.carry_out + at, row.cut ? fill<V>(T(0)) : part);
        return dh - part;
    }

    UNROLL_INLINE void add_to(T* p, V d) { store(p, load<V>(p) + d); }

    // d_o: gradient of the output gate; d_seen: of the c that the output saw.
    UNROLL_INLINE void memory_backward(const Context<T>& x, const BackwardRow<T>& row, V c, V unbounded, V d_o, V d_seen, int64_t uv, int64_t n) {
        constexpr int L = V::lanes;
        const int64_t at = uv * L;
        const V one = fill<V>(T(1)), zero = fill<V>(T(0));
        T* gates = row.gates + at * x.slots;
        const V old = load<V>(row.c_old + at);
        const V i = load<V>(gates), g = load<V>(gates + (x.slots - 2) * L), o = load<V>(gates + (x.slots - 1) * L);
        const V da_o = d_o * (o - o * o);
        V dc = load<V>(row.dc + at), dc_old = zero;
        if (x.options & kZoneoutC) {
            dc_old = kept<V>(row.zoneout_c, x.zoneout_c, at, n) * dc;
            dc = dc - dc_old;
        }
        dc = dc + d_seen;
        if (x.options & kPeephole) dc = fma(da_o, load<V>(x.peephole + 2 * x.padded + at), dc);
        if (x.options & kCellClip) dc = if_greater(abs(unbounded), fill<V>(x.clip), zero, dc);
        V da_i = dc * g;
        V f;
        if (x.coupled) {
            f = one - i;
            da_i = fnma(dc, old, da_i) * (i - i * i);
        } else {
            f = load<V>(gates + L);
            da_i = da_i * (i - i * i);
            const V da_f = dc * old * (f - f * f);
            store(gates + L, da_f);
            if (x.options & kPeephole) dc_old = fma(da_f, load<V>(x.peephole + x.padded + at), dc_old);
        }
        if (x.options & kPeephole) {
            dc_old = fma(da_i, load<V>(x.peephole + at), dc_old);
            add_to(row.peephole + at, da_i * old);
            if (!x.coupled) add_to(row.peephole + x.padded + at, load<V>(gates + L) * old);
            add_to(row.peephole + 2 * x.padded + at, da_o * c);
        }
        store(gates, da_i);
        store(gates + (x.slots - 2) * L, dc * i * fnma(g, g, one));
        store(gates + (x.slots - 1) * L, da_o);
        store(row.dc + at, row.cut ? zero : fma(dc, f, dc_old));
    }
};

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
