// Packing of weights into panels, and unpacking of their gradients, which are gathered in the same panels.
#pragma once

#include "../simd/vec.h"
#include "layout.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

// Row of torch's stacked [G*H, ...] for lane l of vector v of a packed gate matrix whose slots are first .. first+count-1; -1 for padding.
inline int64_t stacked_row(const Layout& l, int64_t first, int64_t count, int64_t v, int64_t lane) {
    const int64_t unit = v / count * l.lanes + lane;
    return unit < l.H ? l.gate_of(first + v % count) * l.H + unit : -1;
}

// The rows of [G*H, inner] in the lanes of vector v, null for padding. With one division: they take longer than a transposition.
template <class Row, int L>
void list_rows(const Layout& l, int64_t first, int64_t count, int64_t v, Row* of, int64_t inner, Row* (&rows)[L]) {
    const int64_t row = stacked_row(l, first, count, v, 0), real = l.H - v / count * L;
    for (int64_t lane = 0; lane < L; ++lane) rows[lane] = lane < real ? of + (row + lane) * inner : nullptr;
}

// Operands k .. k+n-1 of a row of `columns` elements, n at most a vector's lanes; zeros for null.
template <class A>
UNROLL_INLINE typename A::V operands_of(const typename A::X* row, int64_t k, int64_t n, int64_t columns) {
    using V = typename A::V;
    if (!row) return fill<V>(0);
    if constexpr (A::fold == 1)
        return load_lanes<V>(row + k, n);
    else
        return A::row(row + A::fold * k, columns - A::fold * k);
}

// Panels of gates: dst[panel][k][vector][lane] = src[stacked row][k], src with `columns` columns. Panels begin .. end-1 only. A square of lanes
// at a time.
template <class A>
void pack_gates(const Layout& l, const Matrix& m, int64_t first, int64_t count, const typename A::X* src, int64_t columns,
                typename A::T* packed, int64_t begin, int64_t end) {
    using V = typename A::V;
    constexpr int L = V::lanes;
    for (int64_t p = begin; p < end; ++p) {
        const int64_t width = m.width(p), stride = width * L;
        for (int64_t v = 0; v < width; ++v) {
            typename A::T* to = packed + m.panel_offset(p, L) + v * L;
            const typename A::X* rows[L];
            list_rows(l, first, count, p * m.per_panel + v, src, columns, rows);
            V square[L];
            for (int64_t k = 0; k < m.inner; k += L) {
                const int64_t n = m.inner - k < L ? m.inner - k : L;
UNROLL_LOOP(16)
                for (int lane = 0; lane < L; ++lane) square[lane] = operands_of<A>(rows[lane], k, n, columns);
                transpose(square);
                if (n == L) {
UNROLL_LOOP(16)
                    for (int i = 0; i < L; ++i) store(to + (k + i) * stride, square[i]);
                } else {
                    for (int64_t i = 0; i < n; ++i) store(to + (k + i) * stride, square[i]);
                }
            }
        }
    }
}

// The way back: dst[stacked row][k] = src[panel][k][vector][lane], for the vectors of panels begin .. end-1.
template <class A>
void unpack_gates(const Layout& l, const Matrix& m, int64_t first, int64_t count, const typename A::T* packed, typename A::X* dst, int64_t begin,
                  int64_t end) {
    using V = typename A::V;
    constexpr int L = V::lanes;
    for (int64_t p = begin; p < end; ++p) {
        const int64_t width = m.width(p), stride = width * L;
        for (int64_t v = 0; v < width; ++v) {
            const typename V::T* from = packed + m.panel_offset(p, L) + v * L;
            typename A::X* rows[L];
            list_rows(l, first, count, p * m.per_panel + v, dst, m.inner, rows);
            V square[L];
            for (int64_t k = 0; k < m.inner; k += L) {
                const int64_t n = m.inner - k < L ? m.inner - k : L;
UNROLL_LOOP(16)
                for (int i = 0; i < L; ++i) square[i] = i < n ? load<V>(from + (k + i) * stride) : fill<V>(0);
                transpose(square);
                for (int lane = 0; lane < L; ++lane)
                    if (rows[lane]) store_lanes(rows[lane] + k, square[lane], n);
            }
        }
    }
}

// Panels of columns, inner is gates: dst[panel][(unit vector, slot, lane)][column] = src[stacked row][column]; src is [G*H, columns].
// Vectors of gates begin .. end-1 of the inner dimension only; a row of src is read once, for all panels.
template <class A>
void pack_columns(const Layout& l, const Matrix& m, int64_t first, int64_t count, const typename A::X* src, int64_t columns,
                  typename A::T* packed, int64_t begin, int64_t end) {
    using V = typename A::V;
    constexpr int L = V::lanes;
    const int64_t panels = m.panels();
    for (int64_t v = begin; v < end; ++v) {
        const int64_t row = stacked_row(l, first, count, v, 0), real = l.H - v / count * L;
        for (int64_t lane = 0; lane < L; lane += A::fold) {
            const typename A::X* from = src + (row + lane) * columns;
            for (int64_t p = 0, column = 0; p < panels; ++p) {
                const int64_t width = m.width(p);
                typename A::T* dst = packed + m.panel_offset(p, L) + (v * L + lane) / A::fold * width * L;
                for (int64_t i = 0; i < width; ++i, column += L) {
                    const int64_t n = columns - column;
                    V values = fill<V>(0);
                    if constexpr (A::fold == 2)
                        values = A::rows(lane < real ? from + column : nullptr, lane + 1 < real ? from + columns + column : nullptr, n);
                    else if (lane < real)
                        values = load_lanes<V>(from + column, n);
                    store(dst + i * L, values);
                }
            }
        }
    }
}

// dst[panel][k][column] = src[column][k] (transposed: from [columns, inner]) or src[k][column] (from [inner, columns]).
template <class T>
void pack_plain(const Layout& l, const Matrix& m, const T* src, int64_t columns, bool transposed, T* packed) {
    for (int64_t p = 0; p < m.panels(); ++p) {
        const int64_t stride = m.width(p) * l.lanes, column = p * m.per_panel * l.lanes;
        T* dst = packed + m.panel_offset(p, l.lanes);
        for (int64_t k = 0; k < m.inner; ++k, dst += stride)
            for (int64_t j = 0; j < stride; ++j) {
                const int64_t c = column + j;
                dst[j] = c < columns ? (transposed ? src[c * m.inner + k] : src[k * columns + c]) : T(0);
            }
    }
}

// A vector per gate, [G*H], in the order of a gate row's slots first .. first+count-1: dst[unit vector][slot][lane].
template <class T, class X>
void pack_vector(const Layout& l, int64_t first, int64_t count, const X* a, const X* b, T* dst) {
    for (int64_t v = 0; v < l.unit_vectors * count; ++v)
        for (int64_t lane = 0; lane < l.lanes; ++lane) {
            const int64_t row = stacked_row(l, first, count, v, lane);
            dst[v * l.lanes + lane] = row < 0 ? T(0) : (a ? widen(a[row]) : T(0)) + (b ? widen(b[row]) : T(0));
        }
}

// The same into the shape of a gate row, whose other slots become zero.
template <class T>
void pack_slots(const Layout& l, int64_t first, int64_t count, const T* a, T* dst) {
    for (int64_t i = 0; i < l.gate_row; ++i) dst[i] = T(0);
    for (int64_t v = 0; v < l.unit_vectors * count; ++v)
        for (int64_t lane = 0; lane < l.lanes; ++lane) {
            const int64_t row = stacked_row(l, first, count, v, lane);
            if (row >= 0) dst[(v / count * l.slots + first + v % count) * l.lanes + lane] = a[row];
        }
}

template <class T>
void pad_copy(const T* src, int64_t n, int64_t padded, T* dst) {
    for (int64_t i = 0; i < padded; ++i) dst[i] = src && i < n ? src[i] : T(0);
}

// What only options have.
template <class A>
void pack_options(const Spec& spec, const Layout& l, const Params& params, bool training, typename A::T* packed) {
    using T = typename A::T;
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    if (l.P) {
        pack_plain(l, l.p, in(params.weight_hr), l.P, true, packed);
        if (training) pack_plain(l, l.pt, in(params.weight_hr), l.H, false, packed);
    }
    if (l.layer_norm) {
        pack_slots(l, 0, l.x_gates, in(params.gain_ih), packed + l.gain_x);
        pack_slots(l, l.reset_before ? 0 : l.h_first, l.reset_before ? l.slots : l.h_gates, in(params.gain_hh), packed + l.gain_h);
        pad_copy(in(params.gain_c), l.H, l.padded, packed + l.gain_c);
        pad_copy(in(params.shift_c), l.H, l.padded, packed + l.shift_c);
    }
    if (spec.options & kPeephole) {
        const T* w = in(params.weight_peephole);
        pad_copy(w, l.H, l.padded, packed + l.peephole);
        pad_copy(l.coupled ? nullptr : w + l.H, l.H, l.padded, packed + l.peephole + l.padded);
        pad_copy(w + (l.coupled ? 1 : 2) * l.H, l.H, l.padded, packed + l.peephole + 2 * l.padded);
    }
}

// One worker's share of packing everything.
template <class A>
void pack_share(const Spec& spec, const Layout& l, const Params& params, bool training, void* to, int64_t worker, int64_t workers) {
    using T = typename A::T;
    using X = typename A::X;
    constexpr int64_t L = A::V::lanes;
    T* packed = static_cast<T*>(to);
    const auto in = [](const void* p) { return static_cast<const X*>(p); };
    const auto part = [&](int64_t n, auto&& f) { f(worker * n / workers, (worker + 1) * n / workers); };
    const X *w_x = in(params.weight_ih), *w_h = in(params.weight_hh);
    part(l.x.panels(), [&](int64_t b, int64_t e) { pack_gates<A>(l, l.x, 0, l.x_gates, w_x, l.I, packed, b, e); });
    part(l.h.panels(), [&](int64_t b, int64_t e) { pack_gates<A>(l, l.h, l.h_first, l.h_gates, w_h, l.R, packed, b, e); });
    if (training) {
        part(l.unit_vectors * l.x_gates, [&](int64_t b, int64_t e) { pack_columns<A>(l, l.xt, 0, l.x_gates, w_x, l.I, packed, b, e); });
        part(l.unit_vectors * l.h_gates, [&](int64_t b, int64_t e) { pack_columns<A>(l, l.ht, l.h_first, l.h_gates, w_h, l.R, packed, b, e); });
    }
    if (l.reset_before) {
        part(l.n.panels(), [&](int64_t b, int64_t e) { pack_gates<A>(l, l.n, 0, 1, w_h, l.R, packed, b, e); });
        if (training) part(l.nt.inner / L, [&](int64_t b, int64_t e) { pack_columns<A>(l, l.nt, 0, 1, w_h, l.R, packed, b, e); });
    }
    if (worker) return;
    const X *b_x = in(params.bias_ih), *b_h = in(params.bias_hh);
    pack_vector<T>(l, 0, l.x_gates, b_x, b_h, packed + l.bias_x);
    if (l.slots > l.gates) {
        // GRU, n r z: the recurrent bias of n stays apart, since the reset gate multiplies it.
        for (int64_t unit = 0; unit < l.padded; ++unit) {
            const bool real = unit < l.H && b_x;
            packed[l.bias_x + unit / l.lanes * 3 * l.lanes + unit % l.lanes] = real ? widen(b_x[2 * l.H + unit]) : T(0);
            packed[l.bias_h + unit] = real ? widen(b_h[2 * l.H + unit]) : T(0);
        }
    } else {
        pad_copy<T>(nullptr, 0, l.padded, packed + l.bias_h);
    }
    if constexpr (A::fold == 1) pack_options<A>(spec, l, params, training, packed);
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
