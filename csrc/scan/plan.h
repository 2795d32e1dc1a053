// Who computes what: the order of the rows, where their saved steps lie, and which worker has which rows and units.
//
// Rows are put into slots by falling length, so that the rows which are alive at scan step s are the slots 0 .. alive(s)-1 and no work is done
// past a row's end. Steps count from each row's own beginning in scan order: with `reverse`, step s of row b is time lengths[b]-1-s.
#pragma once

#include <cstdint>

#include "api.h"
#include "barrier.h"

namespace unroll {

struct Plan {
    int64_t T;
    int64_t B;
    int64_t S;              // sum of lengths
    int64_t steps;          // greatest length
    bool ragged;
    const int64_t* lengths; // [B] of the caller, or null
    int64_t* order;         // [B] slot -> row
    int64_t* first;         // [T+1] index of the saved row of (step s, slot 0); first[s+1]-first[s] rows are alive at s. Null unless ragged

    int64_t alive(int64_t s) const { return ragged ? first[s + 1] - first[s] : B; }
    int64_t saved_row(int64_t s, int64_t slot) const { return (ragged ? first[s] : s * B) + slot; }
    int64_t length(int64_t slot) const { return lengths ? lengths[order[slot]] : T; }
};

// int64 words that make_plan needs.
inline int64_t plan_words(int64_t T, int64_t B) { return T + 2 + B; }

// Words as from plan_words, the caller's. False: a length is out of range.
inline bool make_plan(const Sequence& q, int64_t* words, Plan& plan) {
    plan.T = q.T;
    plan.B = q.B;
    plan.lengths = q.lengths;
    plan.order = words;
    plan.first = words + q.B;
    plan.S = q.T * q.B;
    plan.steps = q.B ? q.T : 0;
    plan.ragged = false;
    for (int64_t b = 0; b < q.B; ++b) plan.order[b] = b;
    if (!q.lengths) return true;
    plan.S = 0;
    plan.steps = 0;
    for (int64_t b = 0; b < q.B; ++b) {
        const int64_t n = q.lengths[b];
        if (n < 0 || n > q.T) return false;
        plan.S += n;
        plan.steps = n > plan.steps ? n : plan.steps;
        plan.ragged |= n != q.lengths[0];
    }
    if (!plan.ragged) return true;
    // Counting sort, longest first, stable.
    for (int64_t n = 0; n <= q.T + 1; ++n) plan.first[n] = 0;
    for (int64_t b = 0; b < q.B; ++b) ++plan.first[q.T - q.lengths[b] + 1];
    for (int64_t n = 1; n <= q.T; ++n) plan.first[n] += plan.first[n - 1];
    for (int64_t b = 0; b < q.B; ++b) plan.order[plan.first[q.T - q.lengths[b]]++] = b;
    int64_t alive = q.B, total = 0;
    for (int64_t s = 0; s <= q.T; ++s) {
        plan.first[s] = total;
        while (alive > 0 && q.lengths[plan.order[alive - 1]] <= s) --alive;
        total += alive;
    }
    plan.first[q.T + 1] = total;
    return true;
}

// One worker's part of a scan: every `row_groups`-th slot from `row_group` on (or a contiguous range where all rows are equally long),
// and the unit panels `unit_share` of `unit_shares`.
struct Worker {
    int64_t row_group;
    int64_t row_groups;
    int64_t unit_share;
    int64_t unit_shares;
    int64_t index;      // of this worker in its scan
    int64_t count;      // workers of this scan
    bool scans;         // whether it has steps to run; in backward some only help with the products of a segment
    int64_t first_slot; // of a contiguous range, and its length
    int64_t own_rows;
    Barrier* group;     // of the unit_shares workers of this row group
    Barrier* all;       // of all workers of this scan
    Tickets* inputs;    // of a segment's input gradients, and of its weight gradients
    Tickets* weights;

    // The i-th slot of this row group and how many slots below `alive` it has. No division where it can be helped: they run once per row
    // and step, and a 64-bit division takes as long as a hundred multiplications.
    int64_t slot(const Plan& plan, int64_t i) const {
        return plan.ragged ? i * row_groups + ((i & 1) ? row_groups - 1 - row_group : row_group) : first_slot + i;
    }
    int64_t rows(const Plan& plan, int64_t alive) const {
        if (!plan.ragged) return own_rows;
        const int64_t n = row_groups == 1 ? alive : alive / row_groups;
        return n + (slot(plan, n) < alive ? 1 : 0);
    }
    void share(int64_t items, int64_t& begin, int64_t& end) const {
        begin = unit_share * items / unit_shares;
        end = (unit_share + 1) * items / unit_shares;
    }
    void part(int64_t items, int64_t& begin, int64_t& end) const {
        begin = index * items / count;
        end = (index + 1) * items / count;
    }
};

}  // namespace unroll
