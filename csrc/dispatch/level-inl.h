// Everything that is compiled once per instruction set, and its table. Included by level_<name>.cpp, with UNROLL_BACKWARD by backward_<name>.cpp, which has
// the backward passes, and with UNROLL_DOUBLES by doubles_<name>.cpp, which has the kernels of float64: each takes about a minute to compile, and so they
// are compiled side by side. A level that defines UNROLL_PAIRS adds its products of bfloat16 pairs to the kernels of avx512.
#include "../cells/cells.inc"
#include "../scan/backward-inl.h"
#include "../scan/forward-inl.h"
#include "../scan/pack-inl.h"
#include "kernels.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

// As many independent chains as a register tile has, on registers alone.
template <class V>
double peak_of(int64_t repeats, Singles<V>) {
    using T = typename V::T;
    constexpr int kChains = V::registers == 32 ? 24 : 12;
    V a[kChains];
    for (V& v : a) v = fill<V>(T(1));
    // Read through volatile, so that the loop cannot be computed at compile time.
    volatile T factor = T(0.999), term = T(0.001);
    const V m = fill<V>(factor), c = fill<V>(term);
    for (int64_t i = 0; i < repeats; ++i) {
UNROLL_LOOP(24)
        for (int k = 0; k < kChains; ++k) a[k] = fma(a[k], m, c);
    }
    V total = a[0];
    for (int k = 1; k < kChains; ++k) total = total + a[k];
    volatile T keep = sum(total);
    (void)keep;
    return 2.0 * static_cast<double>(repeats) * kChains * V::lanes;
}

#if defined(UNROLL_PAIRS)
double peak_of(int64_t repeats, Pairs) {
    using V = VecF;
    constexpr int kChains = 24;
    V a[kChains];
    for (V& v : a) v = fill<V>(1.0f);
    // The pair (1, -1) as bits, read through volatile as above; times itself and added up it is 2.
    volatile uint32_t pair = 0xbf803f80u;
    const uint32_t bits = pair;
    const Pairs::Operand m = Pairs::broadcast(&bits);
    for (int64_t i = 0; i < repeats; ++i) {
UNROLL_LOOP(24)
        for (int k = 0; k < kChains; ++k) a[k] = Pairs::multiply_add(m, m, a[k]);
    }
    V total = a[0];
    for (int k = 1; k < kChains; ++k) total = total + a[k];
    volatile float keep = sum(total);
    (void)keep;
    return 4.0 * static_cast<double>(repeats) * kChains * V::lanes;
}
#endif

template <class A>
double peak(int64_t repeats) {
    return peak_of(repeats, A());
}

template <class A, class CellT>
constexpr bool has_cell() {
    return A::fold == 1 || !CellT::reset_before;
}

template <class A, class CellT>
void add_forward_cell(TypeKernels& t, int i) {
    if constexpr (has_cell<A, CellT>()) t.forward[i] = forward_worker<A, CellT>;
}

template <class A, class CellT>
void add_backward_cell(TypeKernels& t, int i) {
    if constexpr (has_cell<A, CellT>()) t.backward[i] = backward_worker<A, CellT>;
}

template <class A>
void add_forward_of(TypeKernels& t) {
    t.lanes = A::V::lanes;
    t.registers = A::V::registers;
    t.pack = pack_share<A>;
    int i = 0;
#define UNROLL_CELL(name, Class) add_forward_cell<A, Class<typename A::V>>(t, i++);
#include "../cells/cells.inc"
    t.peak = peak<A>;
}

template <class A>
void add_backward_of(TypeKernels& t) {
    t.finish = finish_gradients<A>;
    int i = 0;
#define UNROLL_CELL(name, Class) add_backward_cell<A, Class<typename A::V>>(t, i++);
#include "../cells/cells.inc"
}

#if defined(UNROLL_PAIRS)
using Floats = Pairs;
#else
using Floats = Singles<VecF>;
#endif

}  // namespace

TypeKernels doubles();
void add_backward(TypeKernels& t);  // of Floats

#if defined(UNROLL_DOUBLES)
TypeKernels doubles() {
    TypeKernels t{};
    add_forward_of<Singles<VecD>>(t);
    add_backward_of<Singles<VecD>>(t);
    return t;
}
#elif defined(UNROLL_BACKWARD)
void add_backward(TypeKernels& t) { add_backward_of<Floats>(t); }
#else
TypeKernels floats() {
    TypeKernels t{};
    add_forward_of<Floats>(t);
    add_backward(t);
    return t;
}

const Kernels* table() {
#if defined(UNROLL_PAIRS)
    static const Kernels kernels = {kernels_avx512()->f32, kernels_avx512()->f64, floats()};
#else
    static const Kernels kernels = {floats(), doubles(), TypeKernels{}};
#endif
    return &kernels;
}
#endif

}  // namespace UNROLL_LEVEL
}  // namespace unroll
