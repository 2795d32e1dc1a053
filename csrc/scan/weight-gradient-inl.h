// Input and weight gradients of a segment of steps: the large products of backward.
//
// The left operands x and h (as it entered the recurrent product) of all rows of the segment are copied once, side by side, by all workers.
// Each worker then takes panels of gates: it copies its panel's gate gradients, adding up the biases on the way, and multiplies.
#pragma once

#include "forward-inl.h"
#include "pack-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

// Rows of a weight gradient's sum that are taken together: as many as keep the panel and the operand's lines in the first-level cache.
constexpr int64_t kOuterRows = 96;

template <class A>
class SegmentGradients {
    using V = typename A::V;
    using T = typename A::T;
    using X = typename A::X;
    static constexpr int64_t L = V::lanes;
    static constexpr bool kRounds = !std::is_same<T, X>::value;

    const BackwardJob& b_;
    const ForwardJob& j_;
    const Worker& w_;
    const Layout& l_;
    const Rows<T, X> rows_;
    const T* packed_;
    int64_t begin_, end_, count_;
    T* operand_;
    const X** a_;      // [part of the segment] gate rows
    X** dx_;           // [part of the segment]
    T* panel_;         // [segment rows, or pairs of them][per_panel * slots][L]

public:
    SegmentGradients(const BackwardJob& b, const Worker& w, int64_t begin, int64_t end, int64_t count)
        : b_(b), j_(b.forward), w_(w), l_(*j_.layout), rows_(j_), packed_(static_cast<const T*>(j_.packed)), begin_(begin), end_(end), count_(count),
          operand_(static_cast<T*>(b.operand)) {
        const int64_t capacity = block_capacity(kSegmentRows, j_.plan.B);
        char* at = j_.worker_scratch + w.index * j_.worker_scratch_bytes;
        a_ = carve<const X*>(at, capacity);
        dx_ = carve<X*>(at, capacity);
        panel_ = carve<T>(at, capacity * l_.per_panel * l_.slots * L);
    }

    // This worker's part of the left operands.
    void copy_operands() {
        int64_t from, to, k = 0;
        w_.part(ceil_div(count_, A::fold), from, to);
        from *= A::fold;
        to = to * A::fold < count_ ? to * A::fold : count_;
        const X *x_low = nullptr, *h_low = nullptr;  // of the even row of a pair
        for (int64_t s = begin_; s < end_; ++s) {
            const int64_t alive = j_.plan.alive(s);
            for (int64_t slot = k < from ? from - k : 0; slot < alive && k + slot < to; ++slot) {
                const X *x = rows_.x(s, slot), *h = rows_.h_old(s, slot);
                T* row = operand_ + (k + slot) / A::fold * b_.operand_stride;
                if constexpr (kRounds) {
                    if ((k + slot) % 2 == 0 && k + slot + 1 < count_) {
                        x_low = x;
                        h_low = h;
                    } else if ((k + slot) % 2 == 0) {
                        join(x, nullptr, l_.I, row);
                        join(h, nullptr, l_.R, row + l_.I);
                    } else {
                        join(x_low, x, l_.I, row);
                        join(h_low, h, l_.R, row + l_.I);
                    }
                } else {
                    std::memcpy(row, x, static_cast<size_t>(l_.I) * sizeof(T));
                    const T* mask = rows_.mask(j_.sequence->noise.dropout, j_.sequence->noise.dropout_steps, s, slot, l_.R);
                    if (mask)
                        for (int64_t i = 0; i < l_.R; ++i) row[l_.I + i] = h[i] * mask[i];
                    else
                        std::memcpy(row + l_.I, h, static_cast<size_t>(l_.R) * sizeof(T));
                }
            }
            k += alive;
        }
    }

    // dx = gate gradients times W_ih, for this worker's part of the rows.
    void input_gradients() {
        const Backward& a = *b_.args;
        if (!a.dx) return;
        int64_t from, to, k = 0;
        w_.part(count_, from, to);
        for (int64_t s = begin_; s < end_; ++s) {
            const int64_t alive = j_.plan.alive(s);
            for (int64_t slot = k < from ? from - k : 0; slot < alive && k + slot < to; ++slot) {
                if constexpr (kRounds)
                    a_[k + slot - from] = static_cast<const X*>(b_.rounded) + (k + slot) * b_.rounded_stride;
                else
                    a_[k + slot - from] = rows_.saved_gates(s, slot) + l_.x_part;
                dx_[k + slot - from] = static_cast<X*>(a.dx) + rows_.time(s, slot) * a.dx_stride_t + j_.plan.order[slot] * a.dx_stride_b;
            }
            k += alive;
        }
        alignas(kAlign) T result[kMaxTileRows][kMaxTileVectors * L];
        T* out[kMaxTileRows];
        for (int64_t i = 0; i < kMaxTileRows; ++i) out[i] = result[i];
        const bool whole = l_.x_gates == l_.slots;
        Product<A> p{};
        p.segments = whole ? 1 : l_.unit_vectors;
        p.length = (whole ? l_.gate_row : l_.x_gates * L) / A::fold;
        p.stride = l_.slots * L / A::fold;
        p.first = static_cast<const T*>(j_.zeros);
        p.out = out;
        for (int64_t panel = 0; panel < l_.xt.panels(); ++panel) {
            const int width = static_cast<int>(l_.xt.width(panel));
            const Tiles tiles(to - from, most_rows<V>(to - from, width));
            p.w = packed_ + l_.xt.panel_offset(panel, L);
            for (int64_t t = 0; t < tiles.tiles; ++t) {
                const int64_t r = tiles.begin(t), n = tiles.begin(t + 1) - r;
                p.a = a_ + r;
                p.rows_ahead = r + n < to - from ? reinterpret_cast<const T*>(a_[r + n]) : nullptr;
                run_tile<A>(static_cast<int>(n), width, p);
                for (int64_t i = 0; i < n; ++i)
                    for (int64_t v = 0; v < width; ++v) {
                        const int64_t column = (panel * l_.xt.per_panel + v) * L;
                        store_lanes(dx_[r + i] + column, load<V>(result[i] + v * L), l_.I - column);
                    }
            }
        }
    }

    // Panels of gates in turn; with more workers than panels, several workers share a panel's features.
    void weight_gradients() {
        const int64_t chunks = ceil_div(w_.count, l_.panels), features = l_.I + l_.R;
        int64_t from, to;
        w_.part(l_.panels * chunks, from, to);
        for (int64_t item = from; item < to; ++item) {
            const int64_t panel = item / chunks, chunk = item % chunks;
            if (item == from || chunk == 0) copy_panel(panel, 0, chunk == 0);
            const int64_t f0 = chunk * features / chunks, f1 = (chunk + 1) * features / chunks;
            const int64_t x0 = f0 < l_.I ? f0 : l_.I, x1 = f1 < l_.I ? f1 : l_.I, h0 = f0 > l_.I ? f0 - l_.I : 0, h1 = f1 > l_.I ? f1 - l_.I : 0;
            if (l_.layer_norm) copy_panel(panel, l_.x_part, false);
            outer(l_.dx, b_.gradient_x, panel, 0, l_.x_gates, operand_, b_.operand_stride, x0, x1);
            if (l_.layer_norm) copy_panel(panel, l_.h_part, false);
            outer(l_.dh, b_.gradient_h, panel, l_.h_first, l_.h_gates, operand_ + l_.I, b_.operand_stride, h0, h1);
            if (l_.reset_before) outer(l_.n, b_.gradient_n, panel, 0, 1, static_cast<const T*>(b_.reset_h), l_.padded, h0, h1);
        }
        if (l_.P) projection_gradients();
    }

    // The rounded gate gradients of the segment's first step, for the segment before it, which overwrites the rest.
    void keep_first_step() {
        if constexpr (kRounds) {
            int64_t from, to;
            w_.part(j_.plan.alive(begin_), from, to);
            const size_t bytes = static_cast<size_t>(b_.rounded_stride) * sizeof(X);
            if (to > from)
                std::memcpy(static_cast<X*>(b_.rounded_next) + from * b_.rounded_stride, static_cast<const X*>(b_.rounded) + from * b_.rounded_stride,
                            static_cast<size_t>(to - from) * bytes);
        }
    }

private:
    static constexpr int64_t kBiasRows = 16;

    int64_t units(int64_t panel) const {
        const int64_t rest = l_.unit_vectors - panel * l_.per_panel;
        return rest < l_.per_panel ? rest : l_.per_panel;
    }

    void copy_panel(int64_t panel, int64_t row_part, bool add_biases) {
        const int64_t vectors = units(panel) * l_.slots, offset = panel * l_.per_panel * l_.slots * L;
        const T* from = rows_.saved_gates(begin_, 0) + row_part + offset;
        // Sums of sums: one chain over hundreds of rows would round two to three times as badly.
        V sum[kMaxTileVectors], part[kMaxTileVectors];
        for (V& v : sum) v = fill<V>(T(0));
        for (int64_t block = 0; block < count_; block += kBiasRows) {
            const int64_t end = block + kBiasRows < count_ ? block + kBiasRows : count_;
            for (V& v : part) v = fill<V>(T(0));
            for (int64_t k = block; k < end; ++k, from += l_.saved_row)
                for (int64_t v = 0; v < vectors; ++v) {
                    const V d = load<V>(from + v * L);
                    if constexpr (!kRounds)
                        store(panel_ + (k * vectors + v) * L, d);
                    else if (k % 2)
                        store(panel_ + (k / 2 * vectors + v) * L, A::rounded(load<V>(from + v * L - l_.saved_row), d));
                    else if (k + 1 == count_)
                        store(panel_ + (k / 2 * vectors + v) * L, A::rounded(d, fill<V>(T(0))));
                    part[v] = part[v] + d;
                }
            for (int64_t v = 0; v < vectors; ++v) sum[v] = sum[v] + part[v];
        }
        T* bias = static_cast<T*>(b_.gradient_bias) + offset;
        for (int64_t v = 0; v < vectors && add_biases; ++v) store(bias + v * L, load<V>(bias + v * L) + sum[v]);
    }

    // n words of two rows, one behind the other, into n pairs.
    static void join(const X* low, const X* high, int64_t n, T* to) {
        for (int64_t i = 0; i < n; i += L) store_lanes(to + i, A::rows(low + i, high ? high + i : nullptr, n - i), n - i);
    }

    // Features f0 .. f1-1 of the left operand a, times slots first .. first+slots-1 of the copied panel.
    void outer(const Matrix& m, void* gradient, int64_t panel, int64_t first, int64_t slots, const T* a, int64_t a_stride, int64_t f0, int64_t f1) {
        if (f1 <= f0) return;
        const int64_t width = units(panel) * slots;
        const Tiles tiles(f1 - f0, tile_rows<V>(static_cast<int>(width)));
        T* sum = static_cast<T*>(gradient) + m.panel_offset(panel, L) - m.offset;
        const int64_t w_stride = units(panel) * l_.slots * L;
        const int64_t count = ceil_div(count_, A::fold);
        for (int64_t k = 0; k < count; k += kOuterRows)
            for (int64_t t = 0; t < tiles.tiles; ++t) {
                const int64_t f = f0 + tiles.begin(t), n = f0 + tiles.begin(t + 1) - f;
                const int64_t length = count - k < kOuterRows ? count - k : kOuterRows;
                const OuterProduct<T> p{a + k * a_stride + f, a_stride, panel_ + k * w_stride + first * L, w_stride, length, sum + f * width * L};
                run_outer_tile<A>(static_cast<int>(n), static_cast<int>(width), p);
            }
    }

    void projection_gradients() {
        int64_t from, to;
        w_.part(l_.H, from, to);
        const int64_t row = round_up(l_.P, L);
        for (int64_t panel = 0; panel < l_.p.panels(); ++panel) {
            const int64_t width = l_.p.width(panel);
            const Tiles tiles(to - from, tile_rows<V>(static_cast<int>(width)));
            T* sum = static_cast<T*>(b_.gradient_p) + l_.p.panel_offset(panel, L) - l_.p.offset;
            for (int64_t t = 0; t < tiles.tiles; ++t) {
                const int64_t f = from + tiles.begin(t), n = from + tiles.begin(t + 1) - f;
                const OuterProduct<T> p{static_cast<const T*>(b_.m) + f, l_.padded, static_cast<const T*>(b_.dhp) + panel * l_.p.per_panel * L, row, count_,
                                        sum + f * width * L};
                run_outer_tile<A>(static_cast<int>(n), static_cast<int>(width), p);
            }
        }
    }
};

template <class A>
void segment_gradients(const BackwardJob& b, const Worker& w, int64_t begin, int64_t end, int64_t count) {
    SegmentGradients<A> g(b, w, begin, end, count);
    g.copy_operands();
    w.all->wait(static_cast<int32_t>(w.count));
    g.input_gradients();
    g.weight_gradients();
    g.keep_first_step();
    w.all->wait(static_cast<int32_t>(w.count));
}

template <class A>
void clear_gradients(const BackwardJob& b, const Worker& w) {
    using T = typename A::T;
    const Layout& l = *b.forward.layout;
    const auto clear = [&](void* p, int64_t n) {
        int64_t from, to;
        w.part(n, from, to);
        if (p) std::memset(static_cast<T*>(p) + from, 0, static_cast<size_t>(to - from) * sizeof(T));
    };
    clear(b.gradient_x, l.dx.inner * l.dx.vectors * l.lanes);
    clear(b.gradient_h, l.dh.inner * l.dh.vectors * l.lanes);
    clear(b.gradient_bias, l.gate_row);
    clear(b.gradient_n, l.n.inner * l.n.vectors * l.lanes);
    clear(b.row_gains, b.forward.plan.B * 2 * (l.gate_row + l.padded));
    clear(b.gradient_p, l.p.inner * l.p.vectors * l.lanes);
    clear(b.row_peephole, b.forward.plan.B * 3 * l.padded);
    w.all->wait(static_cast<int32_t>(w.count));
}

// Into the caller's gradients, and zeros into dx past the last step.
template <class A>
void finish_gradients(const BackwardJob& b, const Worker& w) {
    using T = typename A::T;
    using X = typename A::X;
    const ForwardJob& j = b.forward;
    const Layout& l = *j.layout;
    const Spec& spec = *j.spec;
    const ParamGradients& g = b.args->gradients;
    w.all->wait(static_cast<int32_t>(w.count));
    int64_t from, to;
    w.part(l.panels, from, to);
    Matrix n = l.n;
    n.offset = 0;
    if (g.weight_ih) unpack_gates<A>(spec, l, l.dx, 0, l.x_gates, static_cast<const T*>(b.gradient_x), static_cast<X*>(g.weight_ih), from, to);
    if (g.weight_hh) unpack_gates<A>(spec, l, l.dh, l.h_first, l.h_gates, static_cast<const T*>(b.gradient_h), static_cast<X*>(g.weight_hh), from, to);
    if (g.weight_hh && l.reset_before) unpack_gates<A>(spec, l, n, 0, 1, static_cast<const T*>(b.gradient_n), static_cast<X*>(g.weight_hh), from, to);
    w.part(j.plan.B, from, to);
    // Past the last step; before it BackwardScan does it.
    for (int64_t t = j.plan.steps; t < j.plan.T && b.args->dx; ++t)
        for (int64_t slot = from; slot < to; ++slot)
            std::memset(static_cast<X*>(b.args->dx) + t * b.args->dx_stride_t + j.plan.order[slot] * b.args->dx_stride_b, 0,
                        static_cast<size_t>(l.I) * sizeof(X));
    if (w.index) return;
    const T* bias = static_cast<const T*>(b.gradient_bias);
    const auto unpack_bias = [&](void* to_bias, const T* bias, int64_t first, int64_t count) {
        if (!to_bias) return;
        for (int64_t v = 0; v < l.unit_vectors * count; ++v) {
            const int64_t row = stacked_row(spec, l, first, count, v, 0), real = l.H - v / count * l.lanes;
            const T* from = bias + (v / count * l.slots + first + v % count) * l.lanes;
            put_row(from, real < l.lanes ? real : l.lanes, static_cast<X*>(to_bias) + row);
        }
    };
    // Reset before the product: slots 0 .. 2 hold all gates, and the recurrent bias stands beside the input bias.
    const int64_t h_first = l.reset_before ? 0 : l.h_first, h_count = l.reset_before ? l.slots : l.h_gates;
    unpack_bias(g.bias_ih, bias, 0, l.x_gates);
    unpack_bias(g.bias_hh, bias, h_first, h_count);
    if (l.layer_norm) {
        T* gains = static_cast<T*>(b.row_gains);
        const int64_t row = 2 * (l.gate_row + l.padded);
        for (int64_t slot = 1; slot < j.plan.B; ++slot)
            for (int64_t i = 0; i < row; ++i) gains[i] += gains[slot * row + i];
        if (j.plan.B == 0) gains = static_cast<T*>(b.gradient_bias);
        unpack_bias(g.gain_ih, gains, 0, l.x_gates);
        unpack_bias(g.gain_hh, gains + (j.plan.B ? l.gate_row : 0), h_first, h_count);
        if (g.gain_c) std::memcpy(g.gain_c, gains + (j.plan.B ? 2 * l.gate_row : 0), static_cast<size_t>(l.H) * sizeof(T));
        if (g.shift_c) std::memcpy(g.shift_c, gains + (j.plan.B ? 2 * l.gate_row + l.padded : 0), static_cast<size_t>(l.H) * sizeof(T));
    }
    if (g.weight_hr) {
        const T* p = static_cast<const T*>(b.gradient_p);
        for (int64_t c = 0; c < l.P; ++c) {
            const int64_t panel = c / (l.p.per_panel * l.lanes), width = l.p.width(panel) * l.lanes, column = c % (l.p.per_panel * l.lanes);
            const T* source = p + l.p.panel_offset(panel, l.lanes) - l.p.offset + column;
            for (int64_t k = 0; k < l.H; ++k) static_cast<T*>(g.weight_hr)[c * l.H + k] = source[k * width];
        }
    }
    if (g.weight_peephole)
        for (int64_t k = 0, at = 0; k < 3; ++k) {
            if (k == 1 && l.coupled) continue;
            for (int64_t u = 0; u < l.H; ++u, ++at) {
                T total = T(0);
                for (int64_t slot = 0; slot < j.plan.B; ++slot) total += static_cast<const T*>(b.row_peephole)[(slot * 3 + k) * l.padded + u];
                static_cast<T*>(g.weight_peephole)[at] = total;
            }
        }
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
