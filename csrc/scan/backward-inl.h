// The backward scan of one worker. Steps run backwards in segments of a few hundred rows:
//   1. step by step, the recurrent product of the gate gradients of step s+1 with the pointwise part of step s right behind each tile;
//      gate gradients overwrite the saved gates;
//   2. with all workers together, input gradients (by rows and panels of columns) and weight gradients (by panels of gates) of the whole segment,
//      while its gate gradients are still in the cache.
// On bfloat16 pairs the pointwise part is float32, and gate gradients are rounded once for the products that pass them on; biases add up the
// unrounded ones. A weight gradient's pairs are two neighbouring rows of the segment.
// A weight gradient is summed over the segment's rows in saved order, and over segments from the last to the first, whatever the workers.
#pragma once

#include "forward-inl.h"
#include "weight-gradient-inl.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class A, class CellT, bool Plain>
class BackwardScan {
    using V = typename A::V;
    using T = typename A::T;
    using X = typename A::X;
    static constexpr int64_t L = V::lanes;
    static constexpr int64_t kColumnVectors = kShape<V>.strip[kMaxTileVectors];  // vectors per panel of Layout::ht, xt and pt
    static constexpr bool kRounds = !std::is_same<T, X>::value;
    static_assert(Plain || !kRounds, "options have no products of pairs");

    const BackwardJob& b_;
    const ForwardJob& j_;
    const Worker& w_;
    const Layout& l_;
    const Rows<T, X> rows_;
    const T* packed_;
    const Context<T> context_;
    int64_t unit_begin_, unit_end_;    // unit vectors of this worker
    int64_t panel_begin_, panel_end_;  // panels of ht
    int64_t end_;                      // of the segment
    bool downwards_ = false;           // the order of the panels in the step at hand
    const X** next_;                   // [rows] gate gradients of the step after
    const T** dropout_;                // [rows] mask of the step after
    const T** before_;                 // [rows] saved row of the step before, to be fetched ahead
    BackwardRow<T>* step_;             // [rows]
    const X** dy_;                     // [rows] or null
    T** dhp_;                          // [rows] projection: gradient of y
    X** rounded_;                      // [rows] where the gate gradients go once more, rounded
    T* sums_;                          // [rows][a panel's vectors] sums of the runs so far
    T* h_old_;                         // [rows][padded] h_old in float32, for cells that carry it on

public:
    // end: of the segment of steps.
    BackwardScan(const BackwardJob& b, const ForwardJob& j, const Worker& w, int64_t end)
        : b_(b), j_(j), w_(w), l_(*j.layout), rows_(j), packed_(static_cast<const T*>(j.packed)), context_(make_context(*j.spec, l_, packed_)), end_(end) {
        int64_t first, last;
        w.share(ceil_div(l_.unit_vectors, kColumnVectors), first, last);
        unit_begin_ = first * kColumnVectors;
        unit_end_ = last * kColumnVectors < l_.unit_vectors ? last * kColumnVectors : l_.unit_vectors;
        w.share(l_.ht.panels(), panel_begin_, panel_end_);
        char* at = j.worker_scratch + w.index * j.worker_scratch_bytes;
        next_ = carve<const X*>(at, j.plan.B);
        dropout_ = carve<const T*>(at, j.plan.B);
        before_ = carve<const T*>(at, j.plan.B);
        step_ = carve<BackwardRow<T>>(at, j.plan.B);
        dy_ = carve<const X*>(at, j.plan.B);
        dhp_ = carve<T*>(at, j.plan.B);
        rounded_ = kRounds ? carve<X*>(at, j.plan.B) : nullptr;
        sums_ = carve<T>(at, j.plan.B * kMaxTileVectors * L);
        h_old_ = kRounds && CellT::carries_h ? carve<T>(at, j.plan.B * l_.padded) : nullptr;
    }

    // dc and carry before the first (that is, the last) step: the gradients of the last state.
    void first_state() {
        for (int64_t i = 0, n = w_.rows(j_.plan.B); i < n; ++i) {
            const int64_t slot = w_.slot(i), row = j_.plan.order[slot];
            if (l_.has_c) copy_units(b_.args->dc_n, row, l_.H, dc(slot), unit_begin_ * L, unit_end_ * L);
            if (l_.has_c) copy_units(j_.sequence->c0, row, l_.H, static_cast<T*>(j_.c_first) + row * l_.padded, unit_begin_ * L, unit_end_ * L);
            copy_units(b_.args->dh_n, row, l_.R, carry(slot), panel_begin_ * kColumnVectors * L, panel_end_ * kColumnVectors * L);
        }
        w_.group->wait(static_cast<int32_t>(w_.unit_shares));
    }

    // Steps end-1 .. begin. `open`: the gate gradients of step `end` are at hand; otherwise their part of dh is already in carry.
    void steps(int64_t begin, int64_t end, bool open) {
        for (int64_t s = end - 1; s >= begin; --s) {
            one_step(s, s + 1 < end || open);
            if (b_.args->dx) end_rows(s);
            w_.group->wait(static_cast<int32_t>(w_.unit_shares));
        }
    }

    // Move what the gate gradients of step s pass on to the state before it into carry.
    void close(int64_t s) {
        const int64_t n = w_.rows(j_.plan.alive(s));
        for (int64_t i = 0; i < n; ++i) {
            list_next(s - 1, i, w_.slot(i));
            before_[i] = nullptr;
        }
        const bool keeps = CellT::carries_h || (context_.options & kZoneoutH);
        recurrent_products(n, [&](int64_t i, int64_t u, int64_t vectors, const T* sums) {
            T* to = carry(w_.slot(i)) + u * L;
            for (int64_t at = 0; at < vectors * L; at += L) store(to + at, keeps ? load<V>(sums + at) + load<V>(to + at) : load<V>(sums + at));
        });
        w_.group->wait(static_cast<int32_t>(w_.unit_shares));
    }

    // Gradients of the first state: what is left in carry and dc.
    void last_state() {
        for (int64_t i = 0, n = w_.rows(j_.plan.B); i < n; ++i) {
            const int64_t slot = w_.slot(i), row = j_.plan.order[slot];
            if (b_.args->dh0 && w_.unit_share == 0) put_row(carry(slot), l_.R, static_cast<X*>(b_.args->dh0) + row * l_.R);
            if (b_.args->dc0 && w_.unit_share == 0) put_row(dc(slot), l_.H, static_cast<X*>(b_.args->dc0) + row * l_.H);
        }
    }

private:
    T* dc(int64_t slot) const { return static_cast<T*>(b_.dc) + j_.plan.seat[slot] * l_.padded; }
    T* carry(int64_t slot) const { return static_cast<T*>(b_.carry) + j_.plan.seat[slot] * round_up(l_.R, L); }

    static void copy_units(const void* from, int64_t row, int64_t n, T* to, int64_t begin, int64_t end) {
        const X* source = from ? static_cast<const X*>(from) + row * n : nullptr;
        for (int64_t u = begin; u < end && u < round_up(n, L); ++u) to[u] = source && u < n ? widen(source[u]) : T(0);
    }

    // Position of (s, slot) in the segment, step by step.
    int64_t of_segment(int64_t s, int64_t slot) const { return j_.plan.ordinal(s, slot) - b_.segment_first; }

    // Gate gradients of step s as the products take them.
    X* gate_gradients(int64_t s, int64_t slot) const {
        if constexpr (kRounds)
            return s == end_ ? static_cast<X*>(b_.rounded_next) + slot * b_.rounded_stride
                             : static_cast<X*>(b_.rounded) + of_segment(s, slot) * b_.rounded_stride;
        else
            return rows_.saved_gates(s, slot) + l_.h_part;
    }

    void list_next(int64_t s, int64_t i, int64_t slot) {
        next_[i] = rows_.reset(s + 1, slot) ? static_cast<const X*>(j_.zeros) : gate_gradients(s + 1, slot);
        if (!Plain && j_.sequence->noise.dropout)
            dropout_[i] = rows_.mask(j_.sequence->noise.dropout, j_.sequence->noise.dropout_steps, s + 1, slot, l_.R);
    }

    // done(row, first unit vector, unit vectors, gradients of h there) for this worker's columns of dgates W_hh, dropout undone.
    template <class Done>
    UNROLL_INLINE_MEMBER void recurrent_products(int64_t n, Done&& done) {
        if constexpr (CellT::facts.h_gates == 0) {
            alignas(kAlign) T none[kMaxTileVectors * L] = {};
            for (int64_t panel = panel_begin_; panel < panel_end_; ++panel)
                for (int64_t i = 0; i < n; ++i) done(i, panel * kColumnVectors, l_.ht.width(panel), none);
            return;
        }
        column_products(l_.ht, next_, n, l_.h_first, l_.h_gates, before_, [&](int64_t i, int64_t u, int64_t vectors, T* sums) {
            if (!Plain && j_.sequence->noise.dropout)
                for (int64_t v = 0; v < vectors; ++v)
                    store(sums + v * L, load<V>(sums + v * L) * load_lanes<V>(dropout_[i] + (u + v) * L, l_.R - (u + v) * L));
            done(i, u, vectors, sums);
        });
    }

    // done(row, first vector of columns, vectors, their sums) for this worker's columns of the product of slots first .. first+count-1 of gate rows a
    // with m. Panels too large to stay in the second-level cache beside the next one are taken in runs of unit vectors, each for all rows.
    template <class Done>
    UNROLL_INLINE_MEMBER void column_products(const Matrix& m, const X* const* a, int64_t n, int64_t first, int64_t slots, const T* const* rows_ahead, Done&& done) {
        alignas(kAlign) T tile_sums[kMaxTileRows][kMaxTileVectors * L];
        T* out[kMaxTileRows];
        Product<A> p{};
        p.first = static_cast<const T*>(j_.zeros);
        p.out = out;
        p.upper = m.inner * m.per_panel * L;
        // Few rows take two whole panels at once.
        const int64_t span = kShape<V>.in_strips() && n <= kShape<V>.few_rows ? 2 : 1, all = panel_end_ - panel_begin_;
        const int64_t whole = all > 0 && m.width(panel_end_ - 1) < m.per_panel ? all - 1 : all;
        const Ordered panels{0, ceil_div(whole, span) + (all - whole), downwards_};
        const auto panel_of = [&](int64_t at) { return panel_begin_ + (at * span < whole ? at * span : whole); };
        for (int64_t k = 0; k < panels.end; ++k) {
            const int64_t panel = panel_of(panels.at(k)), strip = m.width(panel);
            const int width = static_cast<int>(panel - panel_begin_ + span <= whole ? span * strip : strip);
            const Tiles tiles(n, most_rows<V>(n, width));
            const T* const weights = packed_ + m.panel_offset(panel, L);
            const T* const next = packed_ + m.panel_offset(panel_of(panels.next(k)), L);
            const int64_t runs = runs_of<V>(l_, m, slots, width);
            for (int64_t run = 0; run < runs; ++run) {
                const int64_t length = take_run(p, l_, weights, strip, first, slots, run, runs);
                const WeightsAhead<V> ahead(m, run + 1 < runs ? p.w + length * strip * L : next, length, width, tiles.tiles);
                for (int64_t t = 0; t < tiles.tiles; ++t) {
                    const int64_t r = tiles.begin(t), rows = tiles.begin(t + 1) - r;
                    for (int64_t i = 0; i < rows; ++i) out[i] = runs == 1 ? tile_sums[i] : sums_ + (r + i) * kMaxTileVectors * L;
                    p.a = a + r;
                    p.ahead = ahead.of_tile(t);
                    p.lines_ahead = ahead.lines;
                    // A line per k is enough for the rows' gates of a whole step in one run, or in all of them.
                    p.rows_ahead = rows_ahead && k == 0 && (run == 0 || kShape<V>.in_strips()) ? rows_ahead[r] : nullptr;
                    if (kShape<V>.in_strips() && p.rows_ahead) {
                        const int64_t lines = ceil_div(rows * l_.saved_row, kLine<T>), from = run * length;
                        p.rows_ahead = from < lines ? p.rows_ahead + from * kLine<T> : nullptr;
                        p.lines_ahead = lines - from;
                    }
                    run_tile<A>(static_cast<int>(rows), width, p);
                    for (int64_t i = 0; i < rows && run + 1 == runs; ++i) done(r + i, panel * kColumnVectors, width, out[i]);
                }
            }
        }
    }

    // Zeros into dx at time s of the rows that have ended, as in ForwardScan.
    void end_rows(int64_t s) {
        for (int64_t i = w_.rows(j_.plan.alive(s)) + w_.unit_share, all = w_.rows(j_.plan.B); i < all; i += w_.unit_shares) {
            X* dx = static_cast<X*>(b_.args->dx) + s * b_.args->dx_stride_t + j_.plan.order[w_.slot(i)] * b_.args->dx_stride_b;
            std::memset(dx, 0, static_cast<size_t>(l_.I) * sizeof(X));
        }
    }

    void one_step(int64_t s, bool open) {
        const int64_t n = w_.rows(j_.plan.alive(s));
        const int64_t with_next = open && s + 1 < j_.plan.steps ? w_.rows(j_.plan.alive(s + 1)) : 0;
        const Sequence& q = *j_.sequence;
        const Backward& a = *b_.args;
        const bool keeps = CellT::carries_h || (context_.options & kZoneoutH);
        for (int64_t i = 0; i < n; ++i) {
            const int64_t slot = w_.slot(i);
            BackwardRow<T>& row = step_[i];
            row.gates = rows_.saved_gates(s, slot);
            if constexpr (!kRounds)
                row.h_old = rows_.h_old(s, slot);
            else if (CellT::carries_h)
                row.h_old = widen_h(i, rows_.h_old(s, slot));
            if (l_.has_c) {
                row.c_old = rows_.c_old(s, slot);
                row.dc = dc(slot);
            }
            row.carry_in = keeps || i >= with_next ? carry(slot) : nullptr;
            row.carry_out = carry(slot);
            if constexpr (kRounds) rounded_[i] = gate_gradients(s, slot);
            dy_[i] = a.dy ? static_cast<const X*>(a.dy) + rows_.time(s, slot) * a.dy_stride_t + j_.plan.order[slot] * a.dy_stride_b : nullptr;
            row.cut = rows_.reset(s, slot);
            if constexpr (!Plain || CellT::reset_before) {
                row.zoneout_h = rows_.mask(q.noise.zoneout_h, q.T, s, slot, l_.H);
                row.zoneout_c = rows_.mask(q.noise.zoneout_c, q.T, s, slot, l_.H);
                row.dropout = rows_.mask(q.noise.dropout, q.noise.dropout_steps, s, slot, l_.R);
                row.reset_h = l_.reset_before ? static_cast<T*>(b_.reset_h) + of_segment(s, slot) * l_.padded : nullptr;
                row.m = l_.P ? static_cast<T*>(b_.m) + of_segment(s, slot) * l_.padded : nullptr;
                row.peephole = b_.row_peephole ? static_cast<T*>(b_.row_peephole) + slot * 3 * l_.padded : nullptr;
                dhp_[i] = l_.P ? static_cast<T*>(b_.dhp) + of_segment(s, slot) * round_up(l_.P, L) : nullptr;
            }
            if (i < with_next) {
                list_next(s, i, slot);
                before_[i] = s > j_.begin ? rows_.saved_gates(s - 1, slot) : nullptr;
            }
        }
        downwards_ = s % 2;
        const bool projected = !Plain && l_.P;
        if constexpr (!Plain)
            if (projected) {
                const auto keep = [&](int64_t i, int64_t v, int64_t vectors, const T* sums) {
                    each_total(i, v, vectors, sums, [&](int64_t at, V d) { store(dhp_[i] + at * L, d); });
                };
                recurrent_products(with_next, keep);
                const int64_t first = panel_begin_ * kColumnVectors, last = panel_end_ * kColumnVectors, all = ceil_div(l_.R, L);
                for (int64_t i = with_next; i < n; ++i) keep(i, first, (last < all ? last : all) - first, rows_.zeros());
                w_.group->wait(static_cast<int32_t>(w_.unit_shares));
                through_projection(n);
            }
        if (!projected) {
            const auto complete = [&](int64_t i, int64_t u, int64_t vectors, const T* sums) {
                const BackwardRow<T> row = step_[i];
                each_total(i, u, vectors, sums, [&](int64_t at, V d) { deliver(i, row, d, at); });
            };
            recurrent_products(with_next, complete);
            for (int64_t i = with_next; i < n; ++i) complete(i, unit_begin_, unit_end_ - unit_begin_, rows_.zeros());
        }
        if (layer_norm()) in_groups<kNormRows>(n, [&](int64_t i, auto m) { pointwise_of_rows<decltype(m)::value>(i); });
        if constexpr (CellT::reset_before) through_reset(n);
        if (layer_norm()) in_groups<kNormRows>(n, [&](int64_t i, auto m) { normalised_products<decltype(m)::value>(i); });
    }

    // f(vector, gradient of h there) with what is carried on and the caller's gradient of y added to the sums.
    template <class F>
    UNROLL_INLINE_MEMBER void each_total(int64_t i, int64_t first, int64_t vectors, const T* sums, F&& f) {
        // Read before anything is stored, which might be these as far as the compiler knows.
        const T* const carried = step_[i].carry_in;
        const X* const dy = dy_[i];
        const int64_t R = l_.R;
        for (int64_t v = 0; v < vectors; ++v) {
            const int64_t column = (first + v) * L;
            V d = load<V>(sums + v * L);
            if (carried) d = d + load<V>(carried + column);
            if (dy) d = d + load_lanes<V>(dy + column, R - column);
            f(first + v, d);
        }
    }

    // This worker's units of a row of h, of row i of the step.
    const T* widen_h(int64_t i, const X* h) {
        T* to = h_old_ + i * l_.padded;
        for (int64_t u = unit_begin_ * L; u < unit_end_ * L; u += L) store(to + u, load_lanes<V>(h + u, l_.H - u));
        return to;
    }

    bool layer_norm() const { return !Plain && l_.layer_norm; }

    // The gradient of unit vector u of h (of the projection's input, if there is one) is complete.
    UNROLL_INLINE_MEMBER void deliver(int64_t i, const BackwardRow<T>& row, V dh, int64_t u) {
        if (layer_norm())
            store(row_buffer(w_.slot(i), 0) + u * L, dh);
        else
            CellT::template backward<Plain>(context_, row, dh, u, l_.H - u * L);
        if constexpr (kRounds)
            for (int64_t at = u * l_.slots * L; at < (u + 1) * l_.slots * L; at += L) store_lanes(rounded_[i] + at, load<V>(row.gates + at), L);
    }

    // Whole rows of a slot: 0 dh, 1 gradient of the c that the output sees, 2 gradient of the output gate, 3 normalised c.
    T* row_buffer(int64_t slot, int64_t which) const { return static_cast<T*>(b_.dh_rows) + (slot * 4 + which) * l_.padded; }
    T* row_gains(int64_t slot) const { return static_cast<T*>(b_.row_gains) + slot * 2 * (l_.gate_row + l_.padded); }
    NormGroup group(int64_t first, int64_t count) const { return {l_.unit_vectors, l_.slots, first, count, l_.H}; }

    template <int M>
    void pointwise_of_rows(int64_t i) {
        const BackwardRow<T>* rows = step_ + i;
        const T* dh[M];
        int64_t slot[M];
        UNROLL_STEP(M) {
            slot[n] = w_.slot(i + n);
            dh[n] = row_buffer(slot[n], 0);
        }
        if constexpr (CellT::normalises_c) {
            T *c[M], *d_o[M], *d_gain[M], scale[M];
            const T* d_seen[M];
            UNROLL_STEP(M) {
                d_o[n] = row_buffer(slot[n], 2);
                c[n] = row_buffer(slot[n], 3);
                d_gain[n] = row_gains(slot[n]) + 2 * l_.gate_row;
            }
            const NormGroup g{l_.unit_vectors, 1, 0, 1, l_.H};
            V unbounded;
            for (int n = 0; n < M; ++n)
                for (int64_t u = 0; u < l_.unit_vectors; ++u) store(c[n] + u * L, CellT::fresh_c(context_, rows[n], u, unbounded));
            normalise<V, M>(g, c, scale);
            for (int n = 0; n < M; ++n) {
                T *to = row_buffer(slot[n], 1), *d_shift = d_gain[n] + l_.padded;
                for (int64_t u = 0; u < l_.unit_vectors; ++u) {
                    const V seen = fma(load<V>(c[n] + u * L), load<V>(packed_ + l_.gain_c + u * L), load<V>(packed_ + l_.shift_c + u * L));
                    CellT::output_backward(context_, rows[n], load<V>(dh[n] + u * L), seen, to, d_o[n], u, l_.H - u * L);
                    store(d_shift + u * L, load<V>(d_shift + u * L) + load<V>(to + u * L));
                }
                d_seen[n] = to;
            }
            normalise_backward<V, M>(g, d_seen, packed_ + l_.gain_c, scale, c, d_gain);
            for (int n = 0; n < M; ++n)
                for (int64_t u = 0; u < l_.unit_vectors; ++u) {
                    const V fresh = CellT::fresh_c(context_, rows[n], u, unbounded);
                    CellT::memory_backward(context_, rows[n], fresh, unbounded, load<V>(d_o[n] + u * L), load<V>(c[n] + u * L), u, l_.H - u * L);
                }
        } else {
            for (int n = 0; n < M; ++n)
                for (int64_t u = 0; u < l_.unit_vectors; ++u)
                    CellT::template backward<Plain>(context_, rows[n], load<V>(dh[n] + u * L), u, l_.H - u * L);
        }
    }

    // Reset before the product: from the gradient of n to that of the reset gate, through the second recurrent product.
    void through_reset(int64_t n) {
        for (int64_t i = 0; i < n; ++i) next_[i] = step_[i].gates + l_.h_part;
        if (layer_norm()) in_groups<kNormRows>(n, [&](int64_t i, auto m) { back_through_norm<decltype(m)::value>(i, 0, 1, 2); });
        column_products(l_.nt, next_, n, 0, 1, nullptr, [&](int64_t i, int64_t u, int64_t vectors, const T* sums) {
            for (int64_t v = 0; v < vectors; ++v) CellT::backward_reset(step_[i], load<V>(sums + v * L), u + v, l_.H - (u + v) * L);
        });
    }

    // M rows from i on: gradients of a group of slots into those of their products, which lie in `part` of the row.
    template <int M>
    void back_through(int64_t i, const NormGroup& g, int64_t scale, const T* gain, int64_t part, int64_t gain_sums) {
        const T* d[M];
        T *row[M], *sums[M], scales[M];
        UNROLL_STEP(M) {
            T* gates = step_[i + n].gates;
            d[n] = gates;
            row[n] = gates + part;
            scales[n] = gates[l_.scales + scale];
            sums[n] = row_gains(w_.slot(i + n)) + gain_sums;
        }
        normalise_backward<V, M>(g, d, gain, scales, row, sums);
    }

    template <int M>
    void back_through_norm(int64_t i, int64_t first, int64_t count, int64_t scale) {
        back_through<M>(i, group(first, count), scale, packed_ + l_.gain_h, l_.h_part, l_.gate_row);
    }

    template <int M>
    void normalised_products(int64_t i) {
        back_through<M>(i, group(0, l_.x_gates), 0, packed_ + l_.gain_x, l_.x_part, 0);
        back_through_norm<M>(i, l_.h_first, l_.candidate_first ? l_.gates - 1 : l_.h_gates, 1);
        if (l_.candidate_first && !CellT::reset_before) back_through_norm<M>(i, l_.gates, 1, 2);
    }

    // dm = dy W_hr, then the pointwise part.
    void through_projection(int64_t n) {
        alignas(kAlign) T result[kMaxTileRows][kMaxTileVectors * L];
        T* out[kMaxTileRows];
        for (int64_t i = 0; i < kMaxTileRows; ++i) out[i] = result[i];
        for (int64_t panel = unit_begin_ / kColumnVectors; panel * kColumnVectors < unit_end_; ++panel) {
            const int width = static_cast<int>(l_.pt.width(panel));
            const Tiles tiles(n, most_rows<V>(n, width));
            for (int64_t t = 0; t < tiles.tiles; ++t) {
                const int64_t r = tiles.begin(t), count = tiles.begin(t + 1) - r;
                const Product<A> p{dhp_ + r, 0, 1, l_.P, l_.P, packed_ + l_.pt.panel_offset(panel, L), rows_.zeros(), out, 0, nullptr, nullptr, false, nullptr, nullptr, 0};
                run_tile<A>(static_cast<int>(count), width, p);
                for (int64_t i = 0; i < count; ++i)
                    for (int64_t v = 0; v < width; ++v) {
                        const int64_t u = panel * kColumnVectors + v;
                        deliver(r + i, step_[r + i], load<V>(result[i] + v * L), u);
                    }
            }
        }
    }
};

// Computes the gates of steps j.begin .. j.end-1 again, from the known h and the checkpoint of c.
template <class A, class CellT, bool Plain>
void compute_again(const ForwardJob& j, const Worker& w) {
    if (w.scans) ForwardScan<A, CellT, Plain, true>(j, w).run();
    w.all->wait(static_cast<int32_t>(w.count));
}

template <class A, class CellT, bool Plain>
void backward_steps(const BackwardJob& shared, const Worker& w) {
    using T = typename A::T;
    BackwardJob b = shared;
    ForwardJob& j = b.forward;
    const Plan& plan = j.plan;
    const Layout& l = *j.layout;
    const int64_t steps = plan.steps, region = j.recompute ? j.recompute : (steps ? steps : 1);
    clear_gradients<A>(b, w);
    if (w.scans) BackwardScan<A, CellT, Plain>(b, j, w, 0).first_state();
    for (int64_t r = steps ? (steps - 1) / region : -1; r >= 0; --r) {
        const int64_t region_begin = r * region, region_end = region_begin + region < steps ? region_begin + region : steps;
        j.begin = region_begin;
        j.end = region_end;
        if (j.recompute) {
            j.first_saved = region_begin;
            if (l.has_c) j.c_first = static_cast<T*>(shared.forward.c_checkpoints) + r * j.sequence->B * l.padded;
            compute_again<A, CellT, Plain>(j, w);
        }
        for (int64_t end = region_end; end > region_begin;) {
            int64_t begin = end, count = 0;
            while (begin > region_begin && (count == 0 || count + plan.alive(begin - 1) <= kSegmentRows)) count += plan.alive(--begin);
            b.segment_first = plan.ordinal(begin, 0);
            if (w.scans) {
                BackwardScan<A, CellT, Plain> scan(b, j, w, end);
                scan.steps(begin, end, end < region_end || (!j.recompute && end < steps));
                if (begin == 0 || (j.recompute && begin == region_begin)) scan.close(begin);
            }
            segment_gradients<A>(b, w, begin, end, count);
            end = begin;
        }
    }
    if (w.scans) BackwardScan<A, CellT, Plain>(b, j, w, 0).last_state();
    end_inputs<A>(b, w);
}

template <class A, class CellT>
void backward_worker(const BackwardJob& b, const Worker& w) {
    if (b.forward.spec->options == 0 && b.forward.spec->P == 0)
        backward_steps<A, CellT, true>(b, w);
    else if constexpr (std::is_same<typename A::T, typename A::X>::value)
        backward_steps<A, CellT, false>(b, w);
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
