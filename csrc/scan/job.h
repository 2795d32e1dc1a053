// What the driver hands to a level's kernels: the caller's arguments, the plan, and memory already carved up. No vector types.
#pragma once

#include <cstdint>

#include "api.h"
#include "layout.h"
#include "plan.h"

namespace unroll {

// Rows of a block of steps whose input products are computed together: enough to use a panel of weights many times, few enough for the
// gate rows of the block to stay in the second-level cache.
constexpr int64_t kBlockRows = 96;

// Rows of a segment of backward, after which the weight gradients of the segment are added up.
constexpr int64_t kSegmentRows = 384;

// Upper bound of the rows of a block (or segment) of `target` rows when `rows` rows are alive: at least one step is taken.
inline int64_t block_capacity(int64_t target, int64_t rows) { return target + rows; }

struct ForwardJob {
    const Spec* spec;
    const Layout* layout;
    const void* packed;        // behind the header
    const Sequence* sequence;
    Plan plan;
    void* y;                   // null while backward computes a segment again: h is then known
    const void* y_known;       // [T, B, R] by the same strides, read for h of earlier steps; y itself in forward
    int64_t y_stride_t;
    int64_t y_stride_b;
    void* trace_gates;
    void* trace_c;
    void* h_n;
    void* c_n;
    bool save;
    int64_t begin, end;        // scan steps to run
    int64_t first_saved;       // the first step whose rows are kept: with recompute that of the steps at hand
    void* gates;               // save: [rows][gate_row]. Else per row group [group_rows][gate_row]
    void* c;                   // save: [rows][padded]. Else [seats][padded]
    void* h_rows;              // [2][seats][padded]: h after even and odd steps, for the products of the next; y is then written only. Null: they read y
    void* c_first;             // [B of all parts][padded] by row: c before step `begin`
    void* c_checkpoints;       // [ceil(T / recompute)][B of all parts][padded] by row, or null
    int64_t recompute;
    const void* zeros;         // at least max(I, R, padded) zeros
    void* projected;           // [seats][padded]: input of the projection; h before it is rounded to bfloat16. Null without both
    void* seen;                // [seats][padded]: c as the output sees it, where that is not c itself. Null without
    void* reset_h;             // [seats][padded]: reset * h, gru_reset_before. Null without
    char* worker_scratch;      // `worker_scratch_bytes` per worker
    int64_t worker_scratch_bytes;
    int64_t group_rows;        // gate rows from one row group's block to the next one's, without `save`
};

struct BackwardJob {
    ForwardJob forward;        // where saved rows lie, and how to compute a segment again
    const Backward* args;
    void* dc;                  // [seats][padded]: gradient of c
    void* carry;               // [seats][R rounded up to lanes]: gradient of h that does not come from the gates of the step at hand
    void* dhp;                 // [segment rows, step by step][P rounded up to lanes] projection: gradient of y. Null without
    void* m;                   // [segment rows, step by step][padded] projection: its input, computed again. Null without
    void* row_peephole;        // [B][3][padded] by slot: gradients of the peephole weights, row by row. Null without
    int64_t segment_first;     // Plan::ordinal of the segment's first row
    void* rounded;             // [segment rows, step by step][rounded_stride] bfloat16: gate gradients as the products take them. Null without
    void* rounded_next;        // [B][rounded_stride] by slot: those of the step after the segment
    int64_t rounded_stride;    // gate_row and some room
    void* operand;             // [as left_operand_size] left operands of the weight gradients: x, then h
    void* gradient_x;          // [as Layout::dx] weight gradients in panels
    void* gradient_h;          // [as Layout::dh]
    void* gradient_bias;       // [gate_row]
    void* gradient_p;          // [as Layout::p]
    void* gradient_n;          // [as Layout::n]
    void* reset_h;             // [segment rows, step by step][padded]: reset * h, gru_reset_before. Null without
    void* dh_rows;             // [B][4][padded] by slot: whole rows that layer norm needs. Null without
    void* row_gains;           // [B][2 * gate_row + 2 * padded] by slot: gradients of gain_ih, gain_hh, gain_c, shift_c, row by row. Null without
};

}  // namespace unroll
