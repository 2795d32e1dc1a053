// The forward scan of one worker: blocks of steps, in each first the input products of all its rows, then step by step the recurrent
// products with the pointwise part of each tile right behind it, while its gates are still in the first-level cache.
//
// A gate is the sum of two chains, bias and input part, and recurrent part. It makes no difference to the bits whether a tile computes both or
// finds the first one stored.
//
// On bfloat16 pairs (Pairs of simd/vec.h) x, y and h0 are the caller's bfloat16 rows and the left operands as they are. Everything else is float32,
// the pointwise part among it: it writes h to a float32 row, from where it is rounded into y. A cell that carries h on besides the recurrent
// product (GRU) carries the unrounded one, since one of eight bits would soon stand still where a gate is nearly closed.
#pragma once

#include <type_traits>

#include "cell-inl.h"
#include "job.h"
#include "layernorm-inl.h"
#include "rows-inl.h"
#include "tile-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class T>
Context<T> make_context(const Spec& spec, const Layout& l, const T* packed) {
    return {spec.options,
            l.slots,
            l.H,
            l.padded,
            l.coupled,
            static_cast<T>(spec.cell_clip),
            static_cast<T>(spec.zoneout_h),
            static_cast<T>(spec.zoneout_c),
            packed + l.peephole};
}

// Weights that do not fit the second-level cache come from the shared one too slowly for the first tile of a panel. So the tiles of a panel
// fetch the next one, each a part of it: a line per k, or where panels lie in strips, so many that every tile has the same share.
template <class V>
struct WeightsAhead {
    using T = typename V::T;
    static constexpr int64_t kCached = kShape<V>.cached;
    const T* next;
    int64_t lines;  // per tile, at most
    int64_t part;   // elements per tile
    int64_t parts;
    // from: the next `inner` rows of a panel of `width` vectors of m.
    WeightsAhead(const Matrix& m, const T* from, int64_t inner, int64_t width, int64_t tiles) {
        const bool large = m.inner * m.vectors * V::lanes * static_cast<int64_t>(sizeof(T)) > kCached;
        next = large ? from : nullptr;
        lines = kAllLines;
        part = inner * kLine<T>;
        parts = width * V::lanes / kLine<T>;
        if constexpr (kShape<V>.in_strips()) {
            lines = ceil_div(ceil_div(inner * width * V::lanes, kLine<T>), tiles > 0 ? tiles : 1);
            part = lines * kLine<T>;
            parts = tiles;
        }
    }
    const T* of_tile(int64_t i) const { return next && i < parts ? next + i * part : nullptr; }
};

// The order in which panels begin .. end-1 are taken. It changes from step to step, so that a step begins with the weights with which the one
// before it ended: of weights that are a little too large for a cache some are then still there.
struct Ordered {
    int64_t begin, end;
    bool downwards;
    int64_t at(int64_t k) const { return downwards ? end - 1 - k : begin + k; }
    // After the last one comes the next step, with the same one.
    int64_t next(int64_t k) const { return at(begin + k + 1 < end ? k + 1 : k); }
};

// The product of `rows` rows with one strip of the weights m, `width` vectors wide. A tile takes the whole of both sums where their weights stay in the
// first-level cache from one tile to the next. Else all rows have one chain after the other: what is added to in between is a few lines per row. next:
// weights that will be needed next.
template <class A>
UNROLL_INLINE void product_strip(const Matrix& m, int64_t rows, int width, const Product<A>& whole, const typename A::T* next) {
    using V = typename A::V;
    using T = typename A::T;
    const Tiles tiles(rows, tile_rows<V>(width));
    const int64_t step = width * V::lanes, length2 = whole.a2 ? whole.length2 : 0;
    const auto pass = [&](const Product<A>& from) {
        Product<A> p = from;
        const WeightsAhead<V> ahead(m, next, p.length, width, tiles.tiles);
        p.lines_ahead = ahead.lines;
        for (int64_t i = 0; i < tiles.tiles; ++i) {
            const int64_t r = tiles.begin(i);
            p.a = from.a + r;
            if (from.a2) p.a2 = from.a2 + r;
            p.out = from.out + r;
            p.ahead = ahead.of_tile(i);
            run_tile<A>(static_cast<int>(tiles.begin(i + 1) - r), width, p);
        }
        next += p.length * step;
    };
    if ((whole.length + length2) * step * static_cast<int64_t>(sizeof(T)) <= kFirstLevelRun) {
        pass(whole);
        return;
    }
    Product<A> p = whole;
    p.a2 = nullptr;
    for (int sum = 0; sum < 2; ++sum) {
        const bool second = sum == 1;
        const int64_t all = second ? length2 : whole.length, chain = chain_length(all);
        if (second) {
            p.a = whole.a2;
            p.a_offset = 0;
            p.w = whole.w2;
        }
        for (int64_t k = 0; k < all; k += chain) {
            p.length = all - k < chain ? all - k : chain;
            pass(p);
            p.a_offset += A::fold * p.length;
            p.w += p.length * step;
            p.first = kNothing<T>;
            p.add = true;
        }
    }
}

// The product of many rows with the weights of one panel of units, strip by strip; of p, everything but the weights is set for it. next: the panel of units
// that comes after.
template <class A>
UNROLL_INLINE void product_panel(const Matrix& m, const typename A::T* packed, int64_t panel, int64_t next, int64_t rows, Product<A> p,
                                 const Matrix* second = nullptr) {
    using V = typename A::V;
    using T = typename A::T;
    const int64_t from = m.first(panel), to = m.first(panel + 1);
    const T* const first = p.first;
    const int64_t out_offset = p.out_offset, step = m.per_panel * V::lanes;
    for (int64_t strip = from; strip < to; ++strip) {
        p.w = packed + m.panel_offset(strip, V::lanes);
        if (second) p.w2 = packed + second->panel_offset(strip, V::lanes);
        p.first = first == kNothing<T> ? first : first + (strip - from) * step;
        p.out_offset = out_offset + (strip - from) * step;
        const int64_t after = strip + 1 < to ? strip + 1 : m.first(next);
        product_strip<A>(m, rows, static_cast<int>(m.width(strip)), p, packed + m.panel_offset(after, V::lanes));
    }
}

// A product of many rows with the weights m of panels begin .. end-1 of units, the last one first if `downwards`; `done(panel, first row, rows)` runs
// when these rows have their results. Results are whole vectors at out[row] + panel * out_step.
template <class A, class Done>
UNROLL_INLINE void product_panels(const Matrix& m, const typename A::T* packed, int64_t begin, int64_t end, int64_t rows, Product<A> p, int64_t first_step,
                                  int64_t out_step, bool downwards, Done&& done, const Matrix* second = nullptr) {
    using V = typename A::V;
    using T = typename A::T;
    using X = typename A::X;
    const X* const* a = p.a;
    const X* const* a2 = p.a2;
    T* const* out = p.out;
    const T* first = p.first;
    const int64_t out_offset = p.out_offset;
    const Ordered panels{begin, end, downwards};
    for (int64_t k = 0; k < end - begin; ++k) {
        const int64_t panel = panels.at(k), from = m.first(panel), to = m.first(panel + 1);
        const int width = static_cast<int>((to - from - 1) * m.per_panel + m.width(to - 1));
        if constexpr (kShape<V>.in_strips()) {
            if (rows > kShape<V>.few_rows || (to - from > 1 && width < kMaxTileVectors)) {
                p.first = first_step ? first + panel * first_step : kNothing<T>;
                p.out_offset = out_offset + panel * out_step;
                product_panel<A>(m, packed, panel, panels.next(k), rows, p, second);
                done(panel, 0, rows);
                continue;
            }
        }
        const Tiles tiles(rows, most_rows<V>(rows, width));
        p.w = packed + m.panel_offset(from, V::lanes);
        p.upper = m.inner * m.per_panel * V::lanes;
        if (second) {
            p.w2 = packed + second->panel_offset(from, V::lanes);
            p.upper2 = second->inner * second->per_panel * V::lanes;
        }
        p.first = first + panel * first_step;
        p.out_offset = out_offset + panel * out_step;
        const WeightsAhead<V> ahead(m, packed + m.panel_offset(m.first(panels.next(k)), V::lanes), m.inner, width, tiles.tiles);
        p.lines_ahead = ahead.lines;
        for (int64_t i = 0; i < tiles.tiles; ++i) {
            const int64_t r = tiles.begin(i), n = tiles.begin(i + 1) - r;
            p.a = a + r;
            p.ahead = ahead.of_tile(i);
            if (second) p.a2 = a2 + r;
            p.out = out + r;
            run_tile<A>(static_cast<int>(n), width, p);
            done(panel, r, n);
        }
    }
}

template <class A, class CellT, bool Plain, bool Save>
class ForwardScan {
    using V = typename A::V;
    using T = typename A::T;
    using X = typename A::X;
    static constexpr int64_t L = V::lanes;
    static constexpr bool kRounds = !std::is_same<T, X>::value;
    static_assert(Plain || !kRounds, "options have no products of pairs");

    const ForwardJob& j_;
    const Worker& w_;
    const Layout& l_;
    const Rows<T, X> rows_;
    const T* packed_;
    const Context<T> context_;
    int64_t panel_begin_, panel_end_;
    bool downwards_;        // the order of the panels in the step at hand
    bool rows_together_;    // this worker's gate rows lie one step behind the other: saved rows in groups of other workers may not
    bool even_steps_;       // every row of a step lies as far from its place in the step before as the others: no reset
    const X** x_;           // [block rows]
    T** gates_;             // [block rows]
    const X** h_;           // [rows] left operand of the recurrent product
    X** out_;               // [rows] y, where it is not what the cell writes: of a projection, or rounded
    ForwardRow<T>* step_;   // [rows]
    const T** reset_h_;     // [rows] left operand of the second recurrent product
    T* masked_;             // [rows][R] h times its dropout mask
    X* x_room_;             // [block rows][I + 1], where I is odd and operands are pairs: rows of x filled up with a zero
    X* h_room_;             // [rows][R + 1], the same for h

    T** panel_gates_;       // [rows] the gates of a panel of units, side by side: they stay in the first-level cache

    static constexpr int64_t kUnitsTogether = 4;  // unit vectors of a single row in one call of the pointwise part

    static void nothing(int64_t, int64_t, int64_t) {}

    bool dropout() const { return masked_ != nullptr; }
    bool layer_norm() const { return !Plain && l_.layer_norm; }
    bool projected() const { return !Plain && l_.P; }

public:
    ForwardScan(const ForwardJob& j, const Worker& w)
        : j_(j), w_(w), l_(*j.layout), rows_(j), packed_(static_cast<const T*>(j.packed)), context_(make_context(*j.spec, *j.layout, packed_)) {
        w.share(l_.panels, panel_begin_, panel_end_);
        rows_together_ = !Save || w.deal.groups == j.plan.groups;
        even_steps_ = !j.sequence->reset && j.y && !j.c_checkpoints && rows_together_;
        char* at = j.worker_scratch + w.index * j.worker_scratch_bytes;
        const int64_t block = block_capacity(kBlockRows, j.plan.B);
        x_ = carve<const X*>(at, block);
        gates_ = carve<T*>(at, block);
        h_ = carve<const X*>(at, j.plan.B);
        out_ = carve<X*>(at, j.plan.B);
        step_ = carve<ForwardRow<T>>(at, j.plan.B);
        reset_h_ = CellT::reset_before ? carve<const T*>(at, j.plan.B) : nullptr;
        masked_ = !Plain && j.sequence->noise.dropout ? carve<T>(at, j.plan.B * l_.R) : nullptr;
        x_room_ = l_.I % A::fold ? carve<X>(at, block * (l_.I + 1)) : nullptr;
        h_room_ = l_.R % A::fold ? carve<X>(at, j.plan.B * (l_.R + 1)) : nullptr;
        if constexpr (kShape<V>.in_strips()) {
            const int64_t row = l_.per_panel * l_.slots * L;
            panel_gates_ = carve<T*>(at, j.plan.B);
            T* const gates = carve<T>(at, j.plan.B * row);
            for (int64_t i = 0; i < j.plan.B; ++i) panel_gates_[i] = gates + i * row;
        }
    }

    void run() {
        first_state();
        for (int64_t s = j_.begin; s < j_.end;) {
            int64_t count = 0, end = s;
            while (end < j_.end && (count == 0 || count + w_.rows(j_.plan.alive(end)) <= kBlockRows)) {
                list_block_step(end, count);
                count += w_.rows(j_.plan.alive(end++));
            }
            if (count == 0) {
                for (; s < j_.end && j_.y; ++s) end_rows(s, 0);
                break;
            }
            for (int64_t i = 0; x_room_ && i < count; ++i) x_[i] = operands<A>(x_[i], l_.I, x_room_ + i * (l_.I + 1));
            const bool together = input_with_recurrent(w_.rows(j_.plan.alive(s)), end - s);
            if (!together) input_products(count);
            for (int64_t at = 0; s < end; ++s) {
                const int64_t n = w_.rows(j_.plan.alive(s));
                one_step(s, n, gates_ + at, together ? x_ + at : nullptr);
                if (j_.y) end_rows(s, n);
                at += n;
            }
        }
    }

private:
    // c, and h where it is carried on unrounded, before the first step, padded, for this worker's units.
    void first_state() {
        if (!j_.y) return;
        for (int64_t i = 0, n = w_.rows(j_.plan.B); i < n; ++i) {
            const int64_t slot = w_.slot(i);
            if (l_.has_c) first_units(j_.sequence->c0, slot, static_cast<T*>(j_.c_first) + j_.plan.order[slot] * l_.padded);
            if (kRounds && CellT::carries_h) first_units(j_.sequence->h0, slot, unrounded(slot));
        }
    }

    // Zeros at time s of the rows that have ended. Here and not when all is done: they lie beside what is written at this time, and the stores
    // wait behind the products of the next step.
    void end_rows(int64_t s, int64_t n) {
        for (int64_t i = n + w_.unit_share, all = w_.rows(j_.plan.B); i < all; i += w_.unit_shares) {
            X* y = static_cast<X*>(j_.y) + s * j_.y_stride_t + j_.plan.order[w_.slot(i)] * j_.y_stride_b;
            std::memset(y, 0, static_cast<size_t>(l_.R) * sizeof(X));
        }
    }

    void first_units(const void* rows, int64_t slot, T* to) const {
        const int64_t begin = panel_begin_ * l_.per_panel * L, end = panel_end_ * l_.per_panel * L;
        const X* from = rows ? static_cast<const X*>(rows) + j_.plan.order[slot] * l_.H : nullptr;
        for (int64_t u = begin; u < end && u < l_.padded; ++u) to[u] = from && u < l_.H ? widen(from[u]) : T(0);
    }

    T* unrounded(int64_t slot) const { return static_cast<T*>(j_.projected) + j_.plan.seat[slot] * l_.padded; }

    // h after an even or odd step, kept apart from y.
    T* kept_h(int64_t s, int64_t slot) const {
        return static_cast<T*>(j_.h_rows) + (s % 2 * j_.plan.seats + j_.plan.seat[slot]) * l_.padded;
    }

    void list_block_step(int64_t s, int64_t at) {
        T* buffer = static_cast<T*>(j_.gates) + (Save ? 0 : w_.row_group * j_.group_rows * l_.saved_row);
        const int64_t n = w_.rows(j_.plan.alive(s));
        if (at > 0 && rows_together_) {
            // Rows end at the back of the list only.
            const int64_t listed = w_.rows(j_.plan.alive(s - 1));
            const int64_t x_step = (j_.sequence->reverse ? -1 : 1) * j_.sequence->x_stride_t, gate_step = listed * l_.saved_row;
            for (int64_t i = at; i < at + n; ++i) {
                x_[i] = x_[i - listed] + x_step;
                gates_[i] = gates_[i - listed] + gate_step;
            }
            return;
        }
        for (int64_t i = 0; i < n; ++i) {
            const int64_t slot = w_.slot(i);
            x_[at + i] = rows_.x(s, slot);
            gates_[at + i] = Save ? rows_.saved_gates(s, slot) : buffer + (at + i) * l_.saved_row;
        }
    }

    // With enough rows for a register tile and weights that stay in the second-level cache, nothing is gained by computing the input products
    // of several steps together, and a sum that is not stored in between saves the time to begin and end a tile. A single step has no others.
    bool input_with_recurrent(int64_t rows, int64_t steps) const {
        if (panel_by_panel(rows)) return true;
        return one_sum() && !l_.whole_rows && (steps == 1 || rows >= tile_rows<V>(kMaxTileVectors)) && weight_bytes() <= WeightsAhead<V>::kCached;
    }

    // Whether every gate has both products, so that one tile can compute them.
    bool one_sum() const { return l_.slots > 1 && l_.x_gates == l_.slots && l_.h_gates == l_.slots; }

    // Whether a step takes the input and the recurrent product of one panel of units after the other, so that gates never leave the first-level cache but to
    // be saved. From so many rows on, and as long as the weights of both stay in a second-level cache: larger ones would come from the shared cache at every
    // step, and those of the input need not where a block of steps has them at once.
    bool panel_by_panel(int64_t rows) const {
        constexpr int64_t kRows = 12, kSecondLevel = 512 * 1024;
        return kShape<V>.in_strips() && !l_.whole_rows && rows >= kRows && weight_bytes() <= kSecondLevel;
    }

    // Of the input and the recurrent product.
    int64_t weight_bytes() const {
        return (l_.x.inner + l_.h.inner) * l_.unit_vectors * l_.slots * L * static_cast<int64_t>(sizeof(T));
    }

    void input_products(int64_t count) {
        Product<A> p{x_, 0, 1, l_.x.inner, l_.x.inner, nullptr, packed_ + l_.bias_x, gates_, 0, nullptr, nullptr, false, nullptr, nullptr, 0, Save};
        if (layer_norm()) {
            p.first = rows_.zeros();
            p.out_offset = l_.x_part;
        }
        product_panels<A>(l_.x, packed_, panel_begin_, panel_end_, count, p, layer_norm() ? 0 : l_.per_panel * l_.x_gates * L, l_.per_panel * l_.slots * L,
                          false, [&](int64_t panel, int64_t r, int64_t n) {
                              if constexpr (CellT::bias_slot >= 0) start_bias_slot(gates_ + r, n, panel, panel * l_.slots * L);
                          });
        if (layer_norm())
            in_groups<kNormRows>(count, [&](int64_t i, auto m) {
                constexpr int M = decltype(m)::value;
                T* const* rows = gates_ + i;
                normalise_part<M>(group(0, l_.x_gates), rows, l_.x_part, 0);
                for (int64_t u = 0; u < l_.unit_vectors; ++u)
                    for (int64_t k = 0; k < l_.x_gates; ++k) {
                        const int64_t at = (u * l_.slots + k) * L;
                        const V bias = load<V>(packed_ + l_.bias_x + (u * l_.x_gates + k) * L), gain = load<V>(packed_ + l_.gain_x + at);
                        UNROLL_STEP(M) store(rows[n] + at, fma(load<V>(rows[n] + l_.x_part + at), gain, bias));
                    }
            });
    }

    void list_rows(int64_t s, int64_t n, T** gates) {
        const Sequence& q = *j_.sequence;
        if (Plain && s > j_.begin && even_steps_) {
            const int64_t y_step = (q.reverse ? -1 : 1) * j_.y_stride_t, c_step = Save ? w_.rows(j_.plan.alive(s - 1)) * l_.padded : 0;
            const int64_t h_step = j_.h_rows ? (s % 2 ? 1 : -1) * j_.plan.seats * l_.padded : y_step;
            for (int64_t i = 0; i < n; ++i) {
                ForwardRow<T>& row = step_[i];
                row.gates = gates[i];
                if constexpr (kRounds) {
                    row.h_old = row.h;
                    h_[i] = h_operands(i, out_[i]);
                    out_[i] += y_step;
                } else {
                    row.h_old = row.h_in = h_[i] = row.h;
                    row.h += h_step;
                    if (row.y) row.y += y_step;
                }
                if (!l_.has_c) continue;
                row.c_old = row.c;
                row.c += c_step;
            }
            return;
        }
        for (int64_t i = 0; i < n; ++i) {
            const int64_t slot = w_.slot(i);
            ForwardRow<T>& row = step_[i];
            row.gates = gates[i];
            row.y = nullptr;
            h_[i] = h_operands(i, rows_.h_old(s, slot));
            if constexpr (!kRounds)
                if (j_.h_rows && s > j_.begin && h_[i] != rows_.zeros()) h_[i] = kept_h(s - 1, slot);
            if constexpr (kRounds)
                row.h_old = rows_.reset(s, slot) ? rows_.zeros() : unrounded(slot);
            else
                row.h_old = h_[i];
            if constexpr (CellT::reset_before) reset_h_[i] = row.reset_h = static_cast<T*>(j_.reset_h) + j_.plan.seat[slot] * l_.padded;
            if (l_.has_c) {
                row.c_old = rows_.c_old(s, slot);
                row.c = rows_.c(s, slot);
                if (j_.c_checkpoints && s % j_.recompute == 0) checkpoint(s, slot, row.c_old);
            }
            // While a segment is computed again h is known, and what is written here is never read.
            X* y = j_.y ? rows_.y(s, slot) : nullptr;
            out_[i] = y;
            if constexpr (kRounds)
                row.h = unrounded(slot);
            else if (j_.h_rows) {
                row.h = kept_h(s, slot);
                row.y = y;
            } else {
                row.h = projected() || !y ? unrounded(slot) : y;
            }
            if constexpr (!Plain) {
                row.seen = j_.seen ? static_cast<T*>(j_.seen) + j_.plan.seat[slot] * l_.padded : row.c;
                row.zoneout_h = rows_.mask(q.noise.zoneout_h, q.T, s, slot, l_.H);
                row.zoneout_c = rows_.mask(q.noise.zoneout_c, q.T, s, slot, l_.H);
                row.trace_gates = rows_.trace(j_.trace_gates, s, slot, l_.traced * l_.H);
                row.trace_c = rows_.trace(j_.trace_c, s, slot, l_.H);
                if (dropout()) {
                    const T* mask = rows_.mask(q.noise.dropout, q.noise.dropout_steps, s, slot, l_.R);
                    T* to = masked_ + i * l_.R;
                    for (int64_t k = 0; k < l_.R; ++k) to[k] = row.h_old[k] * mask[k];
                    h_[i] = to;
                }
            }
            if constexpr (!kRounds) row.h_in = h_[i];
        }
    }

    const X* h_operands(int64_t i, const X* h) const { return h_room_ ? operands<A>(h, l_.R, h_room_ + i * (l_.R + 1)) : h; }

    void checkpoint(int64_t s, int64_t slot, const T* c) {
        T* to = static_cast<T*>(j_.c_checkpoints) + (s / j_.recompute * j_.sequence->B + j_.plan.order[slot]) * l_.padded;
        const int64_t begin = panel_begin_ * l_.per_panel * L, end = panel_end_ * l_.per_panel * L;
        for (int64_t u = begin; u < end && u < l_.padded; ++u) to[u] = c[u];
    }

    void one_step(int64_t s, int64_t n, T** gates, const X** x) {
        list_rows(s, n, gates);
        downwards_ = s % 2;
        if (layer_norm())
            normalised_step(n, gates);
        else if constexpr (CellT::reset_before)
            reset_before_step(n, gates);
        else
            fused_step(n, gates, x);
        if constexpr (!Plain)
            if (projected() && j_.y) project(n);
        w_.group->wait(static_cast<int32_t>(w_.unit_shares));
    }

    Product<A> recurrent(const X* const* h, T** gates, int64_t slot) const {
        return {h, 0, 1, l_.h.inner, l_.h.inner, nullptr, rows_.zeros(), gates, slot * L, nullptr, nullptr, true, nullptr, nullptr, 0, Save};
    }

    // x: the rows of the step, if their products are not yet in the gate rows.
    void fused_step(int64_t n, T** gates, const X** x) {
        if (Plain && CellT::span == 1 && n == 1 && (!x || one_sum())) return fused_step_of_one(gates, x);
        // The pointwise part runs one tile late: its operands are then long in the cache, and it fills the pipeline while the last
        // multiply-adds of the newer tile drain.
        int64_t late_panel = 0, late_row = 0, late_count = 0;
        const auto late = [&] {
            const int64_t uv = late_panel * l_.per_panel, last = uv + l_.per_panel < l_.unit_vectors ? uv + l_.per_panel : l_.unit_vectors;
            if (late_count == 0) return;
            if (CellT::span > 1 && last - uv == CellT::span)
                wide_gates_of(step_ + late_row, late_count, uv);
            else
                for (int64_t u = uv; u < last; ++u) {
                    gates_of(step_ + late_row, late_count, u);
                    output_of(step_ + late_row, late_count, u);
                }
            if constexpr (kRounds)
                if (j_.y) round(late_row, late_count, uv, last);
        };
        const auto done = [&](int64_t panel, int64_t r, int64_t count) {
            late();
            late_panel = panel;
            late_row = r;
            late_count = count;
        };
        if constexpr (kShape<V>.in_strips()) {
            if (x && (!one_sum() || panel_by_panel(n))) {
                panel_products(n, gates, x, [&](int64_t panel) {
                    late_panel = panel;
                    late_count = n;
                    late();
                });
                return;
            }
        }
        fused_products(n, gates, x, done);
        late();
    }

    // done(panel of units) after both products of each.
    template <class Done>
    UNROLL_INLINE_MEMBER void panel_products(int64_t n, T** gates, const X** x, Done&& done) {
        const int64_t gate_step = l_.per_panel * l_.slots * L;
        const bool one_sum = this->one_sum();
        Product<A> of_x = recurrent(x, Save ? gates : panel_gates_, 0), of_h = recurrent(h_, Save ? gates : panel_gates_, l_.h_first);
        of_x.length = l_.x.inner;
        of_x.add = false;
        of_h.first = kNothing<T>;
        if (one_sum) {
            of_x.a2 = h_;
            of_x.length2 = l_.h.inner;
        }
        const Ordered panels{panel_begin_, panel_end_, downwards_};
        for (int64_t k = 0; k < panel_end_ - panel_begin_; ++k) {
            const int64_t panel = panels.at(k), next = panels.next(k);
            of_x.first = packed_ + l_.bias_x + panel * l_.per_panel * l_.x_gates * L;
            of_x.out_offset = Save ? panel * gate_step : 0;
            of_h.out_offset = of_x.out_offset + l_.h_first * L;
            product_panel<A>(l_.x, packed_, panel, next, n, of_x, one_sum ? &l_.h : nullptr);
            if constexpr (CellT::bias_slot >= 0) start_bias_slot(of_x.out, n, panel, of_x.out_offset);
            if (!one_sum) product_panel<A>(l_.h, packed_, panel, next, n, of_h);
            // So that the panel's place in a gate row is where its gates are.
            for (int64_t i = 0; i < n && !Save; ++i) step_[i].gates = panel_gates_[i] - panel * gate_step;
            done(panel);
        }
    }

    void start_bias_slot(T* const* rows, int64_t n, int64_t panel, int64_t offset) {
        for (int64_t i = 0; i < n; ++i) store(rows[i] + offset + CellT::bias_slot * L, load<V>(packed_ + l_.bias_h + panel * L));
    }

    template <class Done>
    UNROLL_INLINE_MEMBER void fused_products(int64_t n, T** gates, const X** x, Done&& done) {
        const int64_t gate_step = l_.per_panel * l_.slots * L;
        Product<A> p = recurrent(h_, gates, l_.h_first);
        if (x) {
            p.add = false;
            p.a2 = h_;
            p.length2 = l_.h.inner;
            p.a = x;
            p.length = l_.x.inner;
            p.first = packed_ + l_.bias_x;
            product_panels<A>(l_.x, packed_, panel_begin_, panel_end_, n, p, gate_step, gate_step, downwards_, done, &l_.h);
        } else if (l_.h_gates) {
            product_panels<A>(l_.h, packed_, panel_begin_, panel_end_, n, p, 0, gate_step, downwards_, done);
        } else {
            for (int64_t panel = panel_begin_; panel < panel_end_; ++panel) done(panel, 0, n);
        }
    }

    // One row: after all its products its unit vectors go through the pointwise part in step with each other, as the rows of a tile do elsewhere.
    // They are given as rows that begin further on.
    void fused_step_of_one(T** gates, const X** x) {
        fused_products(1, gates, x, nothing);
        const int64_t begin = panel_begin_ * l_.per_panel, last = panel_end_ * l_.per_panel, end = last < l_.unit_vectors ? last : l_.unit_vectors;
        const int64_t whole = l_.H / L < end ? l_.H / L : end;
        const ForwardRow<T>& row = step_[0];
        for (int64_t u = begin; u < whole;) {
            ForwardRow<T> units[kUnitsTogether];
            int64_t count = 0;
            for (; count < kUnitsTogether && u < whole; ++count, ++u) {
                units[count] = row;
                units[count].gates += u * l_.slots * L;
                units[count].h += u * L;
                if (row.y) units[count].y += u * L;
                units[count].h_old += u * L;
                if (!l_.has_c) continue;
                units[count].c += u * L;
                units[count].c_old += u * L;
            }
            gates_of(units, count, 0);
            output_of(units, count, 0);
        }
        if (whole < end) {
            gates_of(step_, 1, whole);
            output_of(step_, 1, whole);
        }
        if constexpr (kRounds)
            if (j_.y) round(0, 1, begin, end);
    }

    // Unit vectors begin .. end-1 of `count` rows from their float32 rows into y.
    void round(int64_t row, int64_t count, int64_t begin, int64_t end) {
        for (int64_t i = row; i < row + count; ++i)
            for (int64_t at = begin * L; at < end * L; at += L) store_lanes(out_[i] + at, load<V>(step_[i].h + at), l_.H - at);
    }

    void reset_before_step(int64_t n, T** gates) {
        product_panels<A>(l_.h, packed_, 0, l_.panels, n, recurrent(h_, gates, l_.h_first), 0, l_.slots * L, downwards_, nothing);
        for (int64_t u = 0; u < l_.unit_vectors; ++u) gates_of(step_, n, u);
        product_panels<A>(l_.n, packed_, 0, l_.panels, n, recurrent(reset_h_, gates, 0), 0, l_.slots * L, downwards_, nothing);
        for (int64_t u = 0; u < l_.unit_vectors; ++u) output_of(step_, n, u);
    }

    void normalised_step(int64_t n, T** gates) {
        const auto product = [&](const Matrix& m, const X* const* h, int64_t slot) {
            Product<A> p = recurrent(h, gates, slot);
            p.add = false;
            p.out_offset += l_.h_part;
            product_panels<A>(m, packed_, 0, l_.panels, n, p, 0, l_.per_panel * l_.slots * L, downwards_, nothing);
        };
        product(l_.h, h_, l_.h_first);
        add_normalised(gates, n, l_.h_first, l_.candidate_first ? l_.gates - 1 : l_.h_gates, 1);
        if (l_.candidate_first && !CellT::reset_before) add_normalised(gates, n, l_.gates, 1, 2);
        for (int64_t u = 0; u < l_.unit_vectors; ++u) gates_of(step_, n, u);
        if constexpr (CellT::reset_before) {
            product(l_.n, reset_h_, 0);
            add_normalised(gates, n, 0, 1, 2);
        }
        if (l_.has_c) in_groups<kNormRows>(n, [&](int64_t i, auto m) { normalise_c<decltype(m)::value>(step_ + i); });
        for (int64_t u = 0; u < l_.unit_vectors; ++u) output_of(step_, n, u);
    }

    NormGroup group(int64_t first, int64_t count) const { return {l_.unit_vectors, l_.slots, first, count, l_.H}; }

    // A part of M gate rows in place; the scale goes into the row.
    template <int M>
    void normalise_part(const NormGroup& g, T* const* rows, int64_t part, int64_t scale) {
        T* parts[M];
        T scales[M];
        UNROLL_STEP(M) parts[n] = rows[n] + part;
        normalise<V, M>(g, parts, scales);
        UNROLL_STEP(M) rows[n][l_.scales + scale] = scales[n];
    }

    void add_normalised(T* const* gates, int64_t rows, int64_t first, int64_t count, int64_t scale) {
        const NormGroup g = group(first, count);
        in_groups<kNormRows>(rows, [&](int64_t i, auto m) {
            constexpr int M = decltype(m)::value;
            T* const* row = gates + i;
            normalise_part<M>(g, row, l_.h_part, scale);
            each_vector<V>(g, [&](int64_t at, int64_t) {
                const V gain = load<V>(packed_ + l_.gain_h + at);
                UNROLL_STEP(M) store(row[n] + at, fma(load<V>(row[n] + l_.h_part + at), gain, load<V>(row[n] + at)));
            });
        });
    }

    template <int M>
    void normalise_c(const ForwardRow<T>* rows) {
        T* seen[M];
        T scales[M];
        UNROLL_STEP(M) {
            seen[n] = rows[n].seen;
            if (seen[n] != rows[n].c && !(context_.options & kZoneoutC)) std::memcpy(seen[n], rows[n].c, static_cast<size_t>(l_.padded) * sizeof(T));
        }
        normalise<V, M>({l_.unit_vectors, 1, 0, 1, l_.H}, seen, scales);
        for (int64_t u = 0; u < l_.padded; u += L) {
            const V gain = load<V>(packed_ + l_.gain_c + u), shift = load<V>(packed_ + l_.shift_c + u);
            UNROLL_STEP(M) store(seen[n] + u, fma(load<V>(seen[n] + u), gain, shift));
        }
    }

    // The pointwise part of unit vector u of `count` rows, in groups that keep the multipliers busy.
    UNROLL_NOINLINE void gates_of(const ForwardRow<T>* rows, int64_t count, int64_t u) {
        in_groups<CellT::group>(count, [&](int64_t i, auto m) { CellT::template gates<Plain, Save, decltype(m)::value>(context_, rows + i, u, l_.H - u * L); });
    }
    // The same for a whole panel of a cell that takes several unit vectors at once.
    UNROLL_NOINLINE void wide_gates_of(const ForwardRow<T>* rows, int64_t count, int64_t u) {
        if constexpr (CellT::span > 1)
            in_groups<V::registers == 32 ? 2 : 1>(count, [&](int64_t i, auto m) {
                CellT::template gates<Plain, Save, decltype(m)::value, CellT::span>(context_, rows + i, u, l_.H - u * L);
            });
    }
    // The five or six rows of a tile at once, if registers hold them: four chains of tanh leave the multipliers waiting, and two more so.
    UNROLL_NOINLINE void output_of(const ForwardRow<T>* rows, int64_t count, int64_t u) {
        const auto output = [&](int64_t i, auto m) { CellT::template output<Plain, Save, decltype(m)::value>(context_, rows + i, u, l_.H - u * L); };
        if constexpr (CellT::two_stages) {
            if (V::registers == 32 && count == 6)
                output(0, std::integral_constant<int, 6>());
            else if (V::registers == 32 && count == 5)
                output(0, std::integral_constant<int, 5>());
            else
                in_groups<4>(count, output);
        }
    }

    // y = m W_hr^T: rows of m are complete only when all units are.
    void project(int64_t n) {
        w_.group->wait(static_cast<int32_t>(w_.unit_shares));
        alignas(kAlign) T result[kMaxTileRows][kMaxTileVectors * L];
        T* out[kMaxTileRows];
        const T* m[kMaxTileRows];
        for (int64_t i = 0; i < kMaxTileRows; ++i) out[i] = result[i];
        int64_t begin, end;
        w_.share(l_.p.panels(), begin, end);
        for (int64_t panel = begin; panel < end; ++panel) {
            const int width = static_cast<int>(l_.p.width(panel));
            const Tiles tiles(n, most_rows<V>(n, width));
            for (int64_t t = 0; t < tiles.tiles; ++t) {
                const int64_t r = tiles.begin(t), count = tiles.begin(t + 1) - r;
                for (int64_t i = 0; i < count; ++i) m[i] = step_[r + i].h;
                const Product<A> p{m, 0, 1, l_.H, l_.H, packed_ + l_.p.panel_offset(panel, L), rows_.zeros(), out, 0, nullptr, nullptr, false, nullptr, nullptr, 0};
                run_tile<A>(static_cast<int>(count), width, p);
                for (int64_t i = 0; i < count; ++i)
                    for (int64_t v = 0; v < width; ++v) {
                        const int64_t column = (panel * l_.p.per_panel + v) * L;
                        store_lanes(out_[r + i] + column, load<V>(result[i] + v * L), l_.P - column);
                    }
            }
        }
    }
};

// The trace of a row's step from its saved gates: by name, rounded.
template <class A>
void trace_step(const ForwardJob& j, const Rows<typename A::T, typename A::X>& rows, int64_t s, int64_t slot) {
    using X = typename A::X;
    constexpr int64_t L = A::V::lanes;
    const Layout& l = *j.layout;
    const int64_t gates = l.traced, row = rows.time(s, slot) * j.sequence->B + j.plan.order[slot];
    for (int64_t k = 0; k < gates && j.trace_gates; ++k) {
        const int64_t from = l.slot_of(k);
        for (int64_t u = 0; u < l.H; ++u)
            put(static_cast<X*>(j.trace_gates) + (row * gates + k) * l.H + u, rows.saved_gates(s, slot)[(u / L * l.slots + from) * L + u % L]);
    }
    if (j.trace_c) put_row(rows.c(s, slot), l.H, static_cast<X*>(j.trace_c) + row * l.H);
}

// What remains when all steps of a worker's row group are done: last states, and zeros past each row's end. One worker of the group does it.
template <class A>
void finish_forward(const ForwardJob& j, const Worker& w) {
    using T = typename A::T;
    using X = typename A::X;
    w.group->wait(static_cast<int32_t>(w.unit_shares));
    if (w.unit_share) return;
    const Rows<T, X> rows(j);
    const Layout& l = *j.layout;
    for (int64_t i = 0, n = w.rows(j.plan.B); i < n; ++i) {
        const int64_t slot = w.slot(i), b = j.plan.order[slot], length = j.plan.length(slot);
        if (j.h_n) {
            const X *none = static_cast<const X*>(j.zeros), *h0 = j.sequence->h0 ? static_cast<const X*>(j.sequence->h0) + b * l.R : none;
            std::memcpy(static_cast<X*>(j.h_n) + b * l.R, length ? rows.y(length - 1, slot) : h0, static_cast<size_t>(l.R) * sizeof(X));
        }
        if (j.c_n) {
            const T* from = length ? rows.c(length - 1, slot) : static_cast<const T*>(j.c_first) + b * l.padded;
            put_row(from, l.H, static_cast<X*>(j.c_n) + b * l.H);
        }
        for (int64_t t = j.plan.steps; t < j.plan.T; ++t)
            std::memset(static_cast<X*>(j.y) + t * j.y_stride_t + b * j.y_stride_b, 0, static_cast<size_t>(l.R) * sizeof(X));
        if constexpr (!std::is_same<T, X>::value)
            for (int64_t s = 0; s < length && (j.trace_gates || j.trace_c); ++s) trace_step<A>(j, rows, s, slot);
        const int64_t gates = l.traced;
        for (int64_t t = length; t < j.plan.T && j.trace_gates; ++t)
            std::memset(static_cast<X*>(j.trace_gates) + (t * j.sequence->B + b) * gates * l.H, 0, static_cast<size_t>(gates * l.H) * sizeof(X));
        for (int64_t t = length; t < j.plan.T && j.trace_c; ++t)
            std::memset(static_cast<X*>(j.trace_c) + (t * j.sequence->B + b) * l.H, 0, static_cast<size_t>(l.H) * sizeof(X));
    }
}

template <class A, class CellT>
void forward_worker(const ForwardJob& j, const Worker& w) {
    const bool plain = j.spec->options == 0 && j.spec->P == 0 && !j.trace_gates && !j.trace_c;
    if (plain || !std::is_same<typename A::T, typename A::X>::value) {
        if (j.save)
            ForwardScan<A, CellT, true, true>(j, w).run();
        else
            ForwardScan<A, CellT, true, false>(j, w).run();
    } else if constexpr (std::is_same<typename A::T, typename A::X>::value) {
        if (j.save)
            ForwardScan<A, CellT, false, true>(j, w).run();
        else
            ForwardScan<A, CellT, false, false>(j, w).run();
    }
    if (j.y) finish_forward<A>(j, w);
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
