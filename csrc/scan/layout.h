// Where everything lies inside packed weights and saved rows; computed from the Spec and the lane count of the level, never stored.
//
// A unit vector is `lanes` hidden units; the last one is padded with units whose weights are zero, which therefore stay finite. A gate row is
// [unit_vectors][slots][lanes]: the gates of a unit lie together. Slots are in torch's gate order, but for GRU: n r z hn with `hn` the recurrent
// part of n, so that the input product fills slots 0..2 and the recurrent product slots 1..3, each a run of neighbours.
// A packed matrix is a row of panels; a panel is [inner][vectors][lanes], at most four vectors wide, and gives a whole register tile. The products of the
// gates take `per_panel` unit vectors at a time, a panel of units, whose weights are one panel of the matrix or, where there are too few registers for
// its width, several (shape.h).
// For products of bfloat16 pairs an element of a packed matrix is a pair, two neighbours of the inner dimension in 32 bits, and `inner` counts
// pairs; everything else, saved rows among it, is float32.
#pragma once

#include <cstdint>

#include "api.h"
#include "facts.h"
#include "shape.h"

namespace unroll {

constexpr int64_t kAlign = 64;  // bytes; a cache line, and the widest vector

inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
inline int64_t ceil_div(int64_t n, int64_t by) { return (n + by - 1) / by; }

// Bytes of an element in the kernels, packed pairs of bfloat16 included.
inline int64_t element_size(Dtype dtype) { return dtype == Dtype::f64 ? 8 : 4; }

// A packed right operand: `inner` rows by `vectors` vectors in panels of `per_panel` vectors (the last one may be narrower).
struct Matrix {
    int64_t offset = 0;  // elements from the start of the packed buffer
    int64_t inner = 0;
    int64_t vectors = 0;
    int64_t per_panel = 1;
    int64_t strips = 1;  // panels of this matrix to a panel of units
    int64_t panels() const { return ceil_div(vectors, per_panel); }
    int64_t width(int64_t panel) const {
        const int64_t rest = vectors - panel * per_panel;
        return rest < per_panel ? rest : per_panel;
    }
    // The first panel for a panel of units.
    int64_t first(int64_t unit_panel) const {
        const int64_t panel = unit_panel * strips, all = panels();
        return panel < all ? panel : all;
    }
    int64_t panel_offset(int64_t panel, int64_t lanes) const { return offset + panel * per_panel * inner * lanes; }
};

// Elements at most of a weight gradient's left operand: `rows` rows of features in groups of 2 to 8, each group an odd number of lines.
inline int64_t left_operand_size(int64_t features, int64_t rows) {
    constexpr int64_t line = 16;
    return (features + 7) * rows + (features / 2 + 1) * 2 * line;
}

struct Layout {
    int64_t lanes, I, H, P, R;
    int64_t slots;         // vectors of a gate row per unit vector
    int64_t gates;         // stacked gates G of the parameters
    int64_t x_gates;       // slots 0 .. x_gates-1 come from the input product
    int64_t h_first;       // slots h_first .. h_first+h_gates-1 come from the recurrent product
    int64_t h_gates;
    int64_t traced;        // gates by name
    int64_t unit_vectors;
    int64_t padded;        // unit_vectors * lanes
    int64_t per_panel;     // unit vectors per panel of the forward products
    int64_t panels;
    int64_t gate_row;      // slots * padded
    // A saved row is the gate row and, with layer norm, the normalised input and recurrent products in the same shape and their scales.
    int64_t x_part;        // where in a saved row backward finds the gradients of the input product; 0 without layer norm
    int64_t h_part;
    int64_t scales;        // [3]: of the input product; of the recurrent one; of n's recurrent one, gru
    int64_t saved_row;
    Matrix x, h, n;        // forward products; n: of reset * h, gru_reset_before
    Matrix xt, ht, nt;     // backward products: columns are inputs / recurrent features, inner is gates
    Matrix p, pt;          // projection and its transpose
    Matrix dx, dh;         // gradients of the input and recurrent weights: as x and h, but with an element per feature, each in memory of its own
    int64_t bias_x;        // [panels as x][vectors][lanes]
    int64_t bias_h;        // [padded], gru: bias of hn
    int64_t peephole;      // [3][padded] i f o
    int64_t gain_x;        // [gate_row]
    int64_t gain_h;        // [gate_row]
    int64_t gain_c;        // [padded]
    int64_t shift_c;
    int64_t total;         // elements
    bool has_c;
    bool coupled;
    bool layer_norm;
    bool candidate_first;  // slot 0 is the last of the stacked gates; layer norm takes its recurrent product by itself
    bool reset_before;
    bool whole_rows;       // a step needs all units of a row at once, so that workers cannot share a row
    // The stacked gate of a slot that a product fills, and the slot that holds a gate once the step is done.
    int64_t gate_of(int64_t slot) const { return !candidate_first ? slot : slot == 0 || slot == gates ? gates - 1 : slot - 1; }
    int64_t slot_of(int64_t gate) const { return !candidate_first ? gate : (gate + 1) % gates; }
};

inline Layout make_layout(const Spec& spec, int64_t lanes, int registers, bool training) {
    const Shape& shape = shape_of(registers);
    const int64_t columns = shape.strip[kMaxTileVectors];
    Layout l{};
    l.lanes = lanes;
    l.I = spec.I;
    l.H = spec.H;
    l.P = spec.P;
    l.R = spec.P ? spec.P : spec.H;
    const CellFacts& facts = facts_of(spec.cell);
    l.has_c = facts.has_c;
    l.coupled = (spec.options & kCoupled) != 0;
    l.gates = l.x_gates = facts.stacked(spec.options);
    l.slots = facts.slots - (facts.gates - l.gates);
    l.h_first = facts.h_first;
    l.h_gates = facts.h_gates - (facts.gates - l.gates);
    l.traced = facts.traced;
    l.unit_vectors = ceil_div(l.H, lanes);
    l.padded = l.unit_vectors * lanes;
    l.per_panel = l.slots == 1 ? 4 : 1;
    l.panels = ceil_div(l.unit_vectors, l.per_panel);
    l.gate_row = l.slots * l.padded;
    l.layer_norm = (spec.options & kLayerNorm) != 0;
    l.candidate_first = facts.candidate_first;
    l.reset_before = facts.reset_before;
    l.whole_rows = l.layer_norm || l.reset_before;
    l.x_part = l.layer_norm ? l.gate_row : 0;
    l.h_part = l.layer_norm ? 2 * l.gate_row : 0;
    l.scales = 3 * l.gate_row;
    l.saved_row = l.layer_norm ? l.scales + round_up(3, lanes) : l.gate_row;
    // Rows a multiple of a page apart would fall into the same few sets of the first-level cache.
    const int64_t line = kAlign / element_size(spec.dtype);
    l.saved_row = (ceil_div(l.saved_row, line) | 1) * line;

    int64_t at = 0;
    const auto take = [&](int64_t elements) {
        const int64_t here = at;
        at += round_up(elements, kAlign);
        return here;
    };
    // Gate rows are whole vectors, so that only features can leave half a pair.
    const int64_t fold = spec.dtype == Dtype::bf16 ? 2 : 1;
    const auto matrix = [&](int64_t inner, int64_t vectors, int64_t per_panel) {
        Matrix m;
        m.offset = take(inner * vectors * lanes);
        m.inner = inner;
        m.vectors = vectors;
        m.per_panel = per_panel;
        return m;
    };
    const int64_t columns_x = ceil_div(l.I, lanes), columns_h = ceil_div(l.R, lanes);
    const auto gates = [&](int64_t inner, int64_t slots) {
        // A cell without recurrent weights has a matrix without panels.
        const int64_t width = l.per_panel * slots, strip = slots ? shape.strip[width] : 1;
        Matrix m = matrix(inner, l.unit_vectors * slots, strip);
        m.strips = slots ? width / strip : 1;
        return m;
    };
    l.x = gates(ceil_div(l.I, fold), l.x_gates);
    l.h = gates(ceil_div(l.R, fold), l.h_gates);
    l.dx = {0, l.I, l.x.vectors, l.x.per_panel, l.x.strips};
    l.dh = {0, l.R, l.h.vectors, l.h.per_panel, l.h.strips};
    if (l.reset_before) l.n = matrix(l.R, l.unit_vectors, 1);
    l.bias_x = take(l.unit_vectors * l.x_gates * lanes);
    l.bias_h = take(l.padded);
    if (l.P) l.p = matrix(l.H, ceil_div(l.P, lanes), columns);
    if (spec.options & kPeephole) l.peephole = take(3 * l.padded);
    if (spec.options & kLayerNorm) {
        l.gain_x = take(l.gate_row);
        l.gain_h = take(l.gate_row);
        l.gain_c = take(l.padded);
        l.shift_c = take(l.padded);
    }
    if (training) {
        l.xt = matrix(l.padded * l.x_gates / fold, columns_x, columns);
        l.ht = matrix(l.padded * l.h_gates / fold, columns_h, columns);
        if (l.reset_before) l.nt = matrix(l.padded, columns_h, columns);
        if (l.P) l.pt = matrix(l.P, l.unit_vectors, columns);
    }
    l.total = at;
    return l;
}

}  // namespace unroll
