// Input and weight gradients of a segment of steps: the large products of backward.
//
// The left operands x and h (as it entered the recurrent product) of all rows of the segment are copied once, by all workers, in the order in which
// the tiles read them. The products are then dealt to the workers in pieces: whoever takes a panel of gates copies its gate gradients, adding up the
// biases on the way, and multiplies.
#pragma once

#include "forward-inl.h"
#include "pack-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

// Weights of a long sum that are used for all rows before the next ones: with as many that are called in, half of a second-level cache of 1 MiB.
constexpr int64_t kRunBytes = 256 * 1024;

// How many runs a sum over `slots` slots of every unit vector is cut into, with weights `width` vectors wide. Where panels lie in strips a run is one chain,
// whose weights stay in the first-level cache.
template <class V>
int64_t runs_of(const Layout& l, const Matrix& m, int64_t slots, int64_t width) {
    if constexpr (kShape<V>.in_strips())
        return ceil_div(l.unit_vectors, kChain / (slots * V::lanes));
    else
        return ceil_div(m.inner * width * V::lanes * static_cast<int64_t>(sizeof(typename V::T)), kRunBytes);
}

// Run `run` of `runs` of a sum over slots first .. first+slots-1 of the unit vectors of a gate row, with the weights of a panel of `width` vectors.
// Returns its length.
template <class A>
int64_t take_run(Product<A>& p, const Layout& l, const typename A::T* weights, int64_t width, int64_t first, int64_t slots, int64_t run, int64_t runs) {
    constexpr int64_t L = A::V::lanes;
    const int64_t begin = run * l.unit_vectors / runs, units = (run + 1) * l.unit_vectors / runs - begin;
    const int64_t operands = slots * L / A::fold;  // of a row, per unit vector
    const bool whole = slots == l.slots;
    p.a_offset = (begin * l.slots + first) * L;
    p.segments = whole ? 1 : units;
    p.length = whole ? units * operands : operands;
    p.stride = l.slots * L / A::fold;
    p.w = weights + begin * operands * width * L;
    p.add = run > 0;
    return units * operands;
}

// Rows of a weight gradient's sum in one chain: half a segment. A chain over all of it is up to 5 % faster and, without fused multiply-adds, errs
// more than 1.5 times as much as torch.
constexpr int64_t kChainRows = 192;

// Pieces per worker that input gradients are dealt in, twice as many as weight gradients; and what a piece has at least.
constexpr int64_t kPieces = 4;
constexpr int64_t kPieceRows = 48;
constexpr int64_t kPieceGroups = 4;

// Groups begin .. end-1 of a left operand.
struct Groups {
    int64_t begin, end;
};

// Features of the rows of a segment, in groups of as many as a register tile has rows: a tile reads one run of memory.
template <class T>
struct LeftOperand {
    T* at;
    int64_t features;
    int64_t group;         // features of a group, but for the last one
    int64_t group_stride;  // elements
    int64_t row_stride;
    int64_t groups() const { return ceil_div(features, group); }
    // Those of groups from .. to-1 that there are.
    Groups part(int64_t from, int64_t to) const {
        const auto existing = [&](int64_t g) { return g <= 0 ? 0 : g < groups() ? g : groups(); };
        return {existing(from), existing(to)};
    }
    // The first feature of group g; of the group after the last one, how many features there are.
    int64_t feature(int64_t g) const { return g * group < features ? g * group : features; }
};

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
    LeftOperand<T> x_, h_;
    const T** gates_;  // [segment rows] saved rows, step by step
    const X** a_;      // [segment rows] the same as the left operands of input gradients
    X** dx_;           // [segment rows]
    T* panel_;         // [segment rows, or pairs of them][per_panel * slots][L]
    T* row_;           // [I or R] a left operand that is not a row of the caller's as it is

public:
    SegmentGradients(const BackwardJob& b, const Worker& w, int64_t begin, int64_t end, int64_t count)
        : b_(b), j_(b.forward), w_(w), l_(*j_.layout), rows_(j_), packed_(static_cast<const T*>(j_.packed)), begin_(begin), end_(end), count_(count) {
        x_ = left_operand(static_cast<T*>(b.operand), l_.I, l_.dx.per_panel);
        h_ = left_operand(x_.at + x_.groups() * x_.group_stride, l_.h_gates ? l_.R : 0, l_.dh.per_panel);
        const int64_t capacity = block_capacity(kSegmentRows, j_.plan.B);
        char* at = j_.worker_scratch + w.index * j_.worker_scratch_bytes;
        gates_ = carve<const T*>(at, capacity);
        a_ = carve<const X*>(at, capacity);
        dx_ = carve<X*>(at, capacity);
        panel_ = carve<T>(at, capacity * l_.per_panel * l_.slots * L);
        row_ = carve<T>(at, l_.I > l_.R ? l_.I : l_.R);
    }

    // This worker's features of the left operands, of all rows: so it writes the same lines in every segment, and no other core does.
    void copy_operands() {
        int64_t from, to;
        w_.part(x_.groups() + h_.groups(), from, to);
        const Groups x_mine = x_.part(from, to), h_mine = h_.part(from - x_.groups(), to - x_.groups());
        const X *x_low = nullptr, *h_low = nullptr;  // of the even row of a pair
        int64_t k = 0;
        for (int64_t s = begin_; s < end_; ++s)
            for (int64_t slot = 0, alive = j_.plan.alive(s); slot < alive; ++slot, ++k) {
                gates_[k] = rows_.saved_gates(s, slot);
                const X *x = rows_.x(s, slot), *h = rows_.h_old(s, slot);
                if constexpr (kRounds) {
                    if (k % 2 == 0 && k + 1 < count_) {
                        x_low = x;
                        h_low = h;
                        continue;
                    }
                    const bool pair = k % 2;
                    put(x_, k / 2, join(pair ? x_low : x, pair ? x : nullptr, x_, x_mine), x_mine);
                    put(h_, k / 2, join(pair ? h_low : h, pair ? h : nullptr, h_, h_mine), h_mine);
                } else {
                    put(x_, k, x, x_mine);
                    const T* mask = rows_.mask(j_.sequence->noise.dropout, j_.sequence->noise.dropout_steps, s, slot, l_.R);
                    for (int64_t i = h_.feature(h_mine.begin), n = h_.feature(h_mine.end); mask && i < n; ++i) row_[i] = h[i] * mask[i];
                    put(h_, k, mask ? row_ : h, h_mine);
                }
            }
    }

    // dx = gate gradients times W_ih, in pieces of some rows and one panel of columns.
    void input_gradients() {
        const Backward& a = *b_.args;
        if (!a.dx) return;
        int64_t listed = 0;
        for (int64_t s = begin_; s < end_; ++s)
            for (int64_t slot = 0, alive = j_.plan.alive(s); slot < alive; ++slot, ++listed) {
                if constexpr (kRounds)
                    a_[listed] = static_cast<const X*>(b_.rounded) + listed * b_.rounded_stride;
                else
                    a_[listed] = gates_[listed] + l_.x_part;
                dx_[listed] = static_cast<X*>(a.dx) + rows_.time(s, slot) * a.dx_stride_t + j_.plan.order[slot] * a.dx_stride_b;
            }
        const int64_t panels = l_.xt.panels(), most = ceil_div(count_, kPieceRows), wanted = ceil_div(w_.count > 1 ? kPieces * w_.count : 1, panels);
        const int64_t parts = wanted < most ? wanted : most;
        for (int64_t piece = w_.inputs->take(); piece < panels * parts; piece = w_.inputs->take()) {
            const int64_t part = piece % parts;
            input_gradients(piece / parts, part * count_ / parts, (part + 1) * count_ / parts);
        }
    }

    // Panels of gates; with too few of them for the workers, a panel's features are taken in parts.
    void weight_gradients() {
        const int64_t x_groups = x_.groups(), groups = x_groups + h_.groups(), most = ceil_div(groups, kPieceGroups);
        const int64_t wanted = ceil_div(w_.count > 1 ? kPieces / 2 * w_.count : 1, l_.panels), parts = wanted < most ? wanted : most;
        const LeftOperand<T> reset_h{static_cast<T*>(b_.reset_h), l_.R, h_.group, h_.group, l_.padded};
        int64_t copied = -1;
        for (int64_t piece = w_.weights->take(); piece < l_.panels * parts; piece = w_.weights->take()) {
            const int64_t panel = piece % l_.panels, part = piece / l_.panels;
            // With layer norm this copy is for the biases only.
            if (l_.layer_norm ? part == 0 : panel != copied) copy_panel(panel, 0, part == 0);
            copied = panel;
            const int64_t g0 = part * groups / parts, g1 = (part + 1) * groups / parts;
            const Groups x = x_.part(g0, g1), h = h_.part(g0 - x_groups, g1 - x_groups);
            if (l_.layer_norm) copy_panel(panel, l_.x_part, false);
            outer(l_.dx, b_.gradient_x, panel, 0, x_, x);
            if (l_.layer_norm) copy_panel(panel, l_.h_part, false);
            outer(l_.dh, b_.gradient_h, panel, l_.h_first, h_, h);
            if (l_.reset_before) outer(l_.n, b_.gradient_n, panel, 0, reset_h, h);
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

    // Rows from .. to-1 of the segment, of which they are listed, and one panel of their columns.
    void input_gradients(int64_t panel, int64_t from, int64_t to) {
        alignas(kAlign) T result[kMaxTileRows][kMaxTileVectors * L];
        T* results[kMaxTileRows];
        for (int64_t i = 0; i < kMaxTileRows; ++i) results[i] = result[i];
        const int width = static_cast<int>(l_.xt.width(panel));
        const int64_t first_column = panel * l_.xt.per_panel * L;
        // Where weights fill the second-level cache there is no room for rows called in ahead.
        const bool rows_ahead = l_.xt.inner * width * L * static_cast<int64_t>(sizeof(T)) <= kRunBytes / 2;
        const bool in_place = !kRounds && first_column + width * L <= l_.I;
        const Tiles tiles(to - from, most_rows<V>(to - from, width));
        Product<A> p{};
        p.first = static_cast<const T*>(j_.zeros);
        p.out = results;
        p.out_offset = in_place ? first_column : 0;
        p.fetch_out = in_place;
        // In strips: one run of weights for all rows and then the next, or where sums are not kept in dx, all runs for one tile and then the next.
        const int64_t runs = kShape<V>.in_strips() ? runs_of<V>(l_, l_.xt, l_.x_gates, width) : 1, passes = in_place ? runs : 1;
        for (int64_t pass = 0; pass < passes; ++pass)
            for (int64_t t = 0; t < tiles.tiles; ++t) {
                const int64_t r = from + tiles.begin(t), n = from + tiles.begin(t + 1) - r;
                p.a = a_ + r;
                if constexpr (!kRounds)
                    if (in_place) p.out = dx_ + r;
                for (int64_t run = pass; run < runs; run += passes) {
                    take_run(p, l_, packed_ + l_.xt.panel_offset(panel, L), width, 0, l_.x_gates, run, runs);
                    p.rows_ahead = rows_ahead && r + n < to && run == 0 ? reinterpret_cast<const T*>(a_[r + n]) : nullptr;
                    run_tile<A>(static_cast<int>(n), width, p);
                }
                for (int64_t i = 0; i < n && !in_place; ++i)
                    for (int64_t v = 0; v < width; ++v) {
                        const int64_t column = first_column + v * L;
                        store_lanes(dx_[r + i] + column, load<V>(result[i] + v * L), l_.I - column);
                    }
            }
    }

    void copy_panel(int64_t panel, int64_t row_part, bool add_biases) {
        const int64_t vectors = units(panel) * l_.slots, offset = panel * l_.per_panel * l_.slots * L;
        const int64_t at = row_part + offset;
        // Sums of sums: one chain over hundreds of rows would round two to three times as badly.
        V sum[kMaxTileVectors], part[kMaxTileVectors];
        for (V& v : sum) v = fill<V>(T(0));
        for (int64_t block = 0; block < count_; block += kBiasRows) {
            const int64_t end = block + kBiasRows < count_ ? block + kBiasRows : count_;
            for (V& v : part) v = fill<V>(T(0));
            for (int64_t k = block; k < end; ++k) {
                const T* from = gates_[k] + at;
                for (int64_t v = 0; v < vectors; ++v) {
                    const V d = load<V>(from + v * L);
                    if constexpr (!kRounds)
                        store(panel_ + (k * vectors + v) * L, d);
                    else if (k % 2)
                        store(panel_ + (k / 2 * vectors + v) * L, A::rounded(load<V>(gates_[k - 1] + at + v * L), d));
                    else if (k + 1 == count_)
                        store(panel_ + (k / 2 * vectors + v) * L, A::rounded(d, fill<V>(T(0))));
                    part[v] = part[v] + d;
                }
            }
            for (int64_t v = 0; v < vectors; ++v) sum[v] = sum[v] + part[v];
        }
        T* bias = static_cast<T*>(b_.gradient_bias) + offset;
        for (int64_t v = 0; v < vectors && add_biases; ++v) store(bias + v * L, load<V>(bias + v * L) + sum[v]);
    }

    // Where the features lie that are multiplied with panels of `width` vectors. Groups are an odd number of lines apart, since a row is written
    // across all of them.
    LeftOperand<T> left_operand(T* at, int64_t features, int64_t width) const {
        const int64_t group = tile_rows<V>(static_cast<int>(width)), lines = ceil_div(ceil_div(count_, A::fold) * group, kLine<T>);
        return {at, features, group, (lines | 1) * kLine<T>, group};
    }

    // These groups of row (or pair) k.
    static void put(const LeftOperand<T>& to, int64_t k, const T* row, const Groups& groups) {
        if (to.group == tile_rows<V>(4))
            spread<tile_rows<V>(4)>(to, k, row, groups);
        else if (to.group == tile_rows<V>(3))
            spread<tile_rows<V>(3)>(to, k, row, groups);
        else if (to.group == tile_rows<V>(2))
            spread<tile_rows<V>(2)>(to, k, row, groups);
        else
            spread<tile_rows<V>(1)>(to, k, row, groups);
    }
    template <int G>
    static void spread(const LeftOperand<T>& to, int64_t k, const T* row, const Groups& groups) {
        T* at = to.at + groups.begin * to.group_stride + k * G;
        int64_t f = groups.begin * G;
        const int64_t end = to.feature(groups.end);
        for (; f + G <= end; f += G, at += to.group_stride) {
            // Too many runs of memory at a time for the hardware to follow.
            UNROLL_FETCH(at + 2 * kLine<T>, 1, 3);
            std::memcpy(at, row + f, G * sizeof(T));
        }
        if (f < end) std::memcpy(at, row + f, static_cast<size_t>(end - f) * sizeof(T));
    }

    // These features of two rows, one behind the other, as pairs.
    const T* join(const X* low, const X* high, const LeftOperand<T>& of, const Groups& groups) {
        for (int64_t i = of.feature(groups.begin), n = of.feature(groups.end); i < n; i += L)
            store_lanes(row_ + i, A::rows(low + i, high ? high + i : nullptr, n - i), n - i);
        return row_;
    }

    // These groups of the left operand, times the slots of the copied panel that belong to m, the first of which is `first`.
    void outer(const Matrix& m, void* gradient, int64_t panel, int64_t first, const LeftOperand<T>& a, const Groups& groups) {
        const int64_t w_stride = units(panel) * l_.slots * L;
        const int64_t count = ceil_div(count_, A::fold);
        for (int64_t k = 0; k < count; k += kChainRows) {
            const int64_t length = count - k < kChainRows ? count - k : kChainRows;
            for (int64_t g = groups.begin; g < groups.end; ++g) {
                const int64_t f = a.feature(g), n = a.feature(g + 1) - f;
                const T* gates = panel_ + k * w_stride + first * L;
                for (int64_t strip = m.first(panel); strip < m.first(panel + 1); ++strip) {
                    const int64_t width = m.width(strip);
                    T* const sum = static_cast<T*>(gradient) + m.panel_offset(strip, L) - m.offset;
                    const OuterProduct<T> p{a.at + g * a.group_stride + k * a.row_stride, a.row_stride, gates, w_stride, length, sum + f * width * L};
                    run_outer_tile<A>(static_cast<int>(n), static_cast<int>(width), p);
                    gates += width * L;
                }
            }
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
    if (w.index == 0) {
        w.inputs->reset();
        w.weights->reset();
    }
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

// Zeros into dx past the last step; before it BackwardScan does it.
template <class A>
void end_inputs(const BackwardJob& b, const Worker& w) {
    using X = typename A::X;
    const Plan& plan = b.forward.plan;
    int64_t from, to;
    w.part(plan.B, from, to);
    for (int64_t t = plan.steps; t < plan.T && b.args->dx; ++t)
        for (int64_t slot = from; slot < to; ++slot)
            std::memset(static_cast<X*>(b.args->dx) + t * b.args->dx_stride_t + plan.order[slot] * b.args->dx_stride_b, 0,
                        static_cast<size_t>(b.forward.layout->I) * sizeof(X));
}

// n elements of all parts' sums, from element `at` on, added up in the first part's.
template <class T>
T* total(const BackwardJob* parts, int64_t count, void* BackwardJob::* which, int64_t at, int64_t n) {
    T* to = static_cast<T*>(parts[0].*which);
    for (int64_t p = 1; p < count; ++p) {
        const T* from = static_cast<const T*>(parts[p].*which);
        for (int64_t i = at; i < at + n; ++i) to[i] += from[i];
    }
    return to;
}

// Into the caller's gradients what the parts of a batch, in their order, add up to.
template <class A>
void finish_gradients(const BackwardJob* parts, int64_t count, int64_t worker, int64_t workers) {
    using T = typename A::T;
    using X = typename A::X;
    const BackwardJob& b = parts[0];
    const ForwardJob& j = b.forward;
    const Layout& l = *j.layout;
    const ParamGradients& g = b.args->gradients;
    const int64_t from = worker * l.panels / workers, to = (worker + 1) * l.panels / workers;
    const auto unpack = [&](const Matrix& m, void* BackwardJob::* sums, void* gradient, int64_t first, int64_t slots) {
        if (!gradient) return;
        const int64_t begin = m.panel_offset(m.first(from), l.lanes);
        const int64_t end = to < l.panels ? m.panel_offset(m.first(to), l.lanes) : m.inner * m.vectors * l.lanes;
        const T* all = total<T>(parts, count, sums, begin, end - begin);
        unpack_gates<A>(l, m, first, slots, all, static_cast<X*>(gradient), m.first(from), m.first(to));
    };
    Matrix n = l.n;
    n.offset = 0;
    unpack(l.dx, &BackwardJob::gradient_x, g.weight_ih, 0, l.x_gates);
    unpack(l.dh, &BackwardJob::gradient_h, g.weight_hh, l.h_first, l.h_gates);
    if (l.reset_before) unpack(n, &BackwardJob::gradient_n, g.weight_hh, 0, 1);
    if (worker) return;
    const T* bias = total<T>(parts, count, &BackwardJob::gradient_bias, 0, l.gate_row);
    const auto unpack_bias = [&](void* to_bias, const T* bias, int64_t first, int64_t count) {
        if (!to_bias) return;
        for (int64_t v = 0; v < l.unit_vectors * count; ++v) {
            const int64_t row = stacked_row(l, first, count, v, 0), real = l.H - v / count * l.lanes;
            const T* from = bias + (v / count * l.slots + first + v % count) * l.lanes;
            put_row(from, real < l.lanes ? real : l.lanes, static_cast<X*>(to_bias) + row);
        }
    };
    // Reset before the product: slots 0 .. 2 hold all gates, and the recurrent bias stands beside the input bias.
    const int64_t h_first = l.reset_before ? 0 : l.h_first, h_count = l.reset_before ? l.slots : l.h_gates;
    unpack_bias(g.bias_ih, bias, 0, l.x_gates);
    unpack_bias(g.bias_hh, bias, h_first, h_count);
    if (l.layer_norm) {
        const int64_t row = 2 * (l.gate_row + l.padded);
        // Without a row the sums are zero, as those of the biases.
        T* gains = static_cast<T*>(j.plan.B ? b.row_gains : b.gradient_bias);
        for (int64_t p = 0; p < count; ++p)
            for (int64_t slot = p ? 0 : 1; slot < parts[p].forward.plan.B; ++slot)
                for (int64_t i = 0; i < row; ++i) gains[i] += static_cast<const T*>(parts[p].row_gains)[slot * row + i];
        unpack_bias(g.gain_ih, gains, 0, l.x_gates);
        unpack_bias(g.gain_hh, gains + (j.plan.B ? l.gate_row : 0), h_first, h_count);
        if (g.gain_c) std::memcpy(g.gain_c, gains + (j.plan.B ? 2 * l.gate_row : 0), static_cast<size_t>(l.H) * sizeof(T));
        if (g.shift_c) std::memcpy(g.shift_c, gains + (j.plan.B ? 2 * l.gate_row + l.padded : 0), static_cast<size_t>(l.H) * sizeof(T));
    }
    if (g.weight_hr) {
        const T* p = total<T>(parts, count, &BackwardJob::gradient_p, 0, l.p.inner * l.p.vectors * l.lanes);
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
                T sum = T(0);
                for (int64_t p = 0; p < count; ++p)
                    for (int64_t slot = 0; slot < parts[p].forward.plan.B; ++slot)
                        sum += static_cast<const T*>(parts[p].row_peephole)[(slot * 3 + k) * l.padded + u];
                static_cast<T*>(g.weight_peephole)[at] = sum;
            }
        }
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
