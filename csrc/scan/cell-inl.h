// What a cell's pointwise part is given. A cell is a struct template over the vector type with
//   static constexpr CellFacts facts         what is known of it without its vectors (facts.h)
//   static constexpr int bias_slot           slot that starts from Layout::bias_h instead of the input product, or -1
//   static constexpr bool reset_before       whether a second recurrent product, of what gates() puts into reset_h, comes before output()
//   static constexpr bool normalises_c       whether layer norm also stands between c and the output (then as Lstm)
//   static constexpr bool carries_h          whether h reaches the next h other than through the recurrent product
//   static constexpr bool two_stages         whether output() does anything
//   static constexpr int group               rows that gates() is best given at a time: 2 or 4
//   static constexpr int span                unit vectors that gates() can take at once, as a fourth template argument; then only if there is
//                                            no output()
//   template <bool Plain, bool Save, int M> static void gates(const Context<T>&, const ForwardRow<T>* rows, int64_t uv, int64_t n)
//   template <bool Plain, bool Save, int M> static void output(const Context<T>&, const ForwardRow<T>* rows, int64_t uv, int64_t n)
//   template <bool Plain> static void backward(const Context<T>&, const BackwardRow<T>&, V dh, int64_t uv, int64_t n)
// for the unit vector `uv`, of which the first n lanes (n may exceed V::lanes) exist. Plain: no option is set, so that options cost nothing
// where they are not used. gates() and output() do M rows in step
// with each other (simd/math.h says why), and output() comes after all rows of a tile have been through gates(). Save: activations replace the pre-activations in the gate row, for backward.
#pragma once

#include <type_traits>

#include "../simd/math.h"
#include "layout.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class T>
struct Context {
    uint32_t options;
    int64_t slots;
    int64_t H;
    int64_t padded;
    bool coupled;
    T clip;
    T zoneout_h;         // rates, where a row has no mask
    T zoneout_c;
    const T* peephole;   // [3][padded]
};

// One row at one step. Rows of H elements may be the caller's and have no padding; c and gate rows are padded.
template <class T>
struct ForwardRow {
    T* gates;             // [unit_vectors][slots][lanes] pre-activations in
    const T* h_old;       // [R] state before the step
    const T* c_old;       // [padded]
    T* c;                 // [padded]; may be c_old
    T* h;                 // [H] h goes here
    T* y;                 // [H] and here; null: nowhere else
    const T* h_in;        // [R] h as it enters the recurrent product
    T* reset_h;           // [R] gru_reset_before: reset * h goes here
    T* seen;              // [padded] lstm: c as the output sees it; c unless zoneout keeps them apart
    const T* zoneout_h;   // [H] or null
    const T* zoneout_c;   // [H] or null
    T* trace_gates;       // [K, H] or null
    T* trace_c;           // [H] or null
};

template <class T>
struct BackwardRow {
    T* gates;             // activations in, gradients of the pre-activations out
    const T* h_old;       // [R] by cells that carry h on
    const T* c_old;       // [padded]
    const T* carry_in;    // [padded] part of dh that does not come through the recurrent product, or null
    T* carry_out;         // [padded] the same for the step before; may be carry_in; null where the cell and options have none
    T* dc;                // [padded] in: gradient of c after the step; out: before the step
    const T* zoneout_h;   // [H] or null
    const T* zoneout_c;   // [H] or null
    const T* dropout;     // [R] mask of this step, or null
    T* reset_h;           // [R] gru_reset_before: reset * h goes here, for the weight gradient
    T* m;                 // [padded] projection: o tanh(c) goes here, or null
    T* peephole;          // [3][padded] sums of the peephole gradients of this row, or null
    bool cut;             // the state was reset before this step: nothing flows further back
};

// f(first, M as a type) for groups of M of `count` rows, then of 2 and of 1.
template <int M, class F>
UNROLL_INLINE void in_groups(int64_t count, F&& f) {
    int64_t i = 0;
    for (; i + M <= count; i += M) f(i, std::integral_constant<int, M>());
    if constexpr (M > 2)
        for (; i + 2 <= count; i += 2) f(i, std::integral_constant<int, 2>());
    for (; i < count; ++i) f(i, std::integral_constant<int, 1>());
}

// Unit vector at `at` of the new h, of which n lanes exist.
template <class V, class T>
UNROLL_INLINE void put_h(const ForwardRow<T>& row, int64_t at, V h, int64_t n) {
    store_lanes(row.h + at, h, n);
    if (row.y) store_lanes(row.y + at, h, n);
}

// The mask of zoneout, or its rate.
template <class V>
UNROLL_INLINE V kept(const typename V::T* mask, typename V::T rate, int64_t at, int64_t n) {
    return mask ? load_lanes<V>(mask + at, n) : fill<V>(rate);
}

// keep * old + (1 - keep) * new, which is exact for masks of 0 and 1.
template <class V>
UNROLL_INLINE V zoned(V keep, V old, V fresh) {
    return fma(keep, old, (fill<V>(typename V::T(1)) - keep) * fresh);
}

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
