// Everything that is compiled once per instruction set, and its table. Included by level_<name>.cpp and nothing else.
#include "../cells/gru-inl.h"
#include "../cells/lstm-inl.h"
#include "../cells/rnn-inl.h"
#include "../scan/backward-inl.h"
#include "../scan/forward-inl.h"
#include "../scan/pack-inl.h"
#include "kernels.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

// As many independent chains as a register tile has, on registers alone.
template <class V>
double peak(int64_t repeats) {
    using T = typename V::T;
    constexpr int kChains = V::registers == 32 ? 24 : 12;
    V a[kChains];
    for (V& v : a) v = fill<V>(T(1));
    // Read through volatile, so that the loop cannot be computed at compile time.
    volatile T factor = T(0.999), term = T(0.001);
    const V m = fill<V>(factor), c = fill<V>(term);
    for (int64_t i = 0; i < repeats; ++i) {
#pragma GCC unroll 24
        for (int k = 0; k < kChains; ++k) a[k] = fma(a[k], m, c);
    }
    V total = a[0];
    for (int k = 1; k < kChains; ++k) total = total + a[k];
    volatile T keep = sum(total);
    (void)keep;
    return 2.0 * static_cast<double>(repeats) * kChains * V::lanes;
}

template <class V>
TypeKernels type_table() {
    TypeKernels t{};
    t.lanes = V::lanes;
    t.pack = pack_share<V>;
    int i = 0;
#define UNROLL_CELL(name, Class)                   \
    t.forward[i] = forward_worker<V, Class<V>>;    \
    t.backward[i++] = backward_worker<V, Class<V>>;
#include "../cells/cells.inc"
    t.peak = peak<V>;
    return t;
}

}  // namespace

const Kernels* table() {
    static const Kernels kernels = {type_table<VecF>(), type_table<VecD>()};
    return &kernels;
}

}  // namespace UNROLL_LEVEL
}  // namespace unroll
