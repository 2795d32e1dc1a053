// Who computes what: the order of the rows, where their saved steps lie, and which worker has which rows and units.
//
// Rows are put into slots by falling length, so that the rows which are alive at scan step s are the slots 0 .. alive(s)-1 and no work is done
// past a row's end. Steps count from each row's own beginning in scan order: with `reverse`, step s of row b is time lengths[b]-1-s.
//
// Slots are dealt to row groups, one per worker or per team of workers that share units, and what a group writes lies together: a processor that sees
// an instruction go from row to row in equal strides calls in the next eight or so, and where those belonged to another core, each took the other's
// lines away just before it wrote to them.
#pragma once

#include <cstdint>

#include "api.h"
#include "barrier.h"

namespace unroll {

// How `groups` groups deal slots. Rows of one length: neighbours. Otherwise in turns, back and forth, so that all groups end at about the same time.
struct Deal {
    bool ragged;
    int64_t B;
    int64_t groups;

    int64_t first(int64_t group) const { return group * B / groups; }
    // The i-th slot of a group.
    int64_t slot(int64_t group, int64_t i) const { return ragged ? i * groups + ((i & 1) ? groups - 1 - group : group) : first(group) + i; }
    // How many slots below `alive` a group has. No division where it can be helped: they run once per row and step, and a 64-bit division takes as
    // long as a hundred multiplications.
    int64_t rows(int64_t group, int64_t alive) const {
        if (!ragged) return first(group + 1) - first(group);
        const int64_t n = groups == 1 ? alive : alive / groups;
        return n + (slot(group, n) < alive ? 1 : 0);
    }
};

// Rows between those of two groups in memory that they write to and read from step by step.
constexpr int64_t kGapRows = 80;

struct Plan {
    int64_t T;
    int64_t B;              // rows of this plan: the caller's, or a part of them
    int64_t S;              // sum of lengths
    int64_t steps;          // greatest length
    bool ragged;
    const int64_t* lengths; // [B] of the caller, or null
    int64_t* order;         // [B] slot -> row
    int64_t* first;         // [T+1] how many (step, slot) come before step s; first[s+1]-first[s] rows are alive at s. Null unless ragged
    int64_t* seat;          // [B] where a slot has its row in memory with one for each
    int64_t seats;          // rows of such memory
    int64_t groups;         // in which saved rows lie
    int64_t* group;         // [B] of a slot
    int64_t* place;         // [B] the saved row of a slot at the first step that is kept
    int64_t* rows;          // [groups] slots of a group
    int64_t* before;        // [groups][T+1] how many (step, slot) of a group come before step s. Null unless ragged

    int64_t alive(int64_t s) const { return ragged ? first[s + 1] - first[s] : B; }
    int64_t length(int64_t slot) const { return lengths ? lengths[order[slot]] : T; }
    // Position of (s, slot) among all, step by step, whatever the groups.
    int64_t ordinal(int64_t s, int64_t slot) const { return (ragged ? first[s] : s * B) + slot; }
    // How many steps of rows of this group come before step s.
    int64_t earlier(int64_t of, int64_t s) const { return ragged ? before[of * (T + 1) + s] : s * rows[of]; }
    // Where the row of (s, slot) is kept, `from` being the first step that is.
    int64_t saved_row(int64_t s, int64_t slot, int64_t from) const { return place[slot] + earlier(group[slot], s) - earlier(group[slot], from); }
};

// Rows of memory that has one for each slot.
inline int64_t seats(int64_t B, int64_t groups) { return B + (groups - 1) * kGapRows; }

// int64 words of a plan whose saved rows lie in at most `groups` groups.
inline int64_t plan_words(int64_t T, int64_t B, int64_t groups) { return T + 2 + 4 * B + groups * (T + 2); }

// Which rows there are and in which order: those that part `part` of `parts` is dealt. Words as from plan_words for all rows, the caller's. False: a
// length is out of range.
inline bool order_rows(const Sequence& q, int64_t* words, int64_t part, int64_t parts, Plan& plan) {
    plan.T = q.T;
    plan.lengths = q.lengths;
    plan.order = words;
    plan.first = words + q.B;
    bool ragged = false;
    for (int64_t b = 0; b < q.B; ++b) plan.order[b] = b;
    for (int64_t b = 0; q.lengths && b < q.B; ++b) {
        if (q.lengths[b] < 0 || q.lengths[b] > q.T) return false;
        ragged |= q.lengths[b] != q.lengths[0];
    }
    if (ragged) {
        // Counting sort, longest first, stable.
        for (int64_t n = 0; n <= q.T + 1; ++n) plan.first[n] = 0;
        for (int64_t b = 0; b < q.B; ++b) ++plan.first[q.T - q.lengths[b] + 1];
        for (int64_t n = 1; n <= q.T; ++n) plan.first[n] += plan.first[n - 1];
        for (int64_t b = 0; b < q.B; ++b) plan.order[plan.first[q.T - q.lengths[b]]++] = b;
    }
    const Deal deal{ragged, q.B, parts};
    plan.B = q.B ? deal.rows(part, q.B) : 0;
    // A part's rows come in their order among all, never before their place there.
    for (int64_t i = 0; i < plan.B; ++i) plan.order[i] = plan.order[deal.slot(part, i)];
    plan.steps = plan.B ? plan.length(0) : 0;
    plan.ragged = ragged && plan.length(plan.B - 1) != plan.steps;
    plan.S = plan.B * plan.steps;
    if (!plan.ragged) return true;
    int64_t alive = plan.B, total = 0;
    for (int64_t s = 0; s <= q.T; ++s) {
        plan.first[s] = total;
        while (alive > 0 && plan.length(alive - 1) <= s) --alive;
        total += alive;
    }
    plan.first[q.T + 1] = total;
    plan.S = total;
    return true;
}

// Where the rows of slots lie that `seat_groups` groups of workers have, and the saved ones of `groups` groups, which begin at row `first`.
// recompute: how many steps are kept at a time; 0: all.
inline void place_rows(Plan& plan, int64_t seat_groups, int64_t groups, int64_t recompute, int64_t first) {
    int64_t* at = plan.first + plan.T + 2;  // behind what order_rows filled
    const auto take = [&](int64_t n) {
        int64_t* here = at;
        at += n;
        return here;
    };
    plan.seat = take(plan.B);
    plan.group = take(plan.B);
    plan.place = take(plan.B);
    plan.groups = groups;
    plan.rows = take(groups);
    plan.before = plan.ragged ? take(groups * (plan.T + 1)) : nullptr;
    plan.seats = seats(plan.B, seat_groups);
    const Deal seated{plan.ragged, plan.B, seat_groups}, saved{plan.ragged, plan.B, groups};
    for (int64_t g = 0, seat = 0; g < seat_groups && plan.B; ++g, seat += kGapRows)
        for (int64_t i = 0, rows = seated.rows(g, plan.B); i < rows; ++i) plan.seat[seated.slot(g, i)] = seat++;
    for (int64_t g = 0, start = first; g < groups; ++g) {
        const int64_t rows = plan.B ? saved.rows(g, plan.B) : 0;
        plan.rows[g] = rows;
        for (int64_t i = 0; i < rows; ++i) {
            const int64_t slot = saved.slot(g, i);
            plan.group[slot] = g;
            plan.place[slot] = start + i;
        }
        int64_t total = rows * plan.steps;
        if (plan.ragged) {
            total = 0;
            for (int64_t s = 0; s <= plan.T; ++s) {
                plan.before[g * (plan.T + 1) + s] = total;
                if (s < plan.T) total += saved.rows(g, plan.alive(s));
            }
        }
        start += recompute ? rows * recompute : total;
    }
}

// One worker's part of a scan: the slots of a row group, and the unit panels `unit_share` of `unit_shares`.
struct Worker {
    int64_t row_group;
    Deal deal;
    int64_t unit_share;
    int64_t unit_shares;
    int64_t index;      // of this worker in its scan
    int64_t count;      // workers of this scan
    bool scans;         // whether it has steps to run; in backward some only help with the products of a segment
    int64_t first_slot; // where rows are neighbours, and how many
    int64_t own_rows;
    Barrier* group;     // of the unit_shares workers of this row group
    Barrier* all;       // of all workers of this scan
    Tickets* inputs;    // of a segment's input gradients, and of its weight gradients
    Tickets* weights;

    // The i-th slot of this row group and how many slots below `alive` it has.
    int64_t slot(int64_t i) const { return deal.ragged ? deal.slot(row_group, i) : first_slot + i; }
    int64_t rows(int64_t alive) const { return deal.ragged ? deal.rows(row_group, alive) : own_rows; }
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
