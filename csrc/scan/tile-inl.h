// The one matrix product of the engine: a tile of R rows by N vectors, held in registers over the whole inner dimension.
//
// Every sum is one chain of multiply-adds in the order of k, begun at its initial value; a long one is several chains of equal length, added up in
// order. So its bits depend neither on the tile that holds it nor on the rows around it.
#pragma once

#include "../simd/vec.h"
#include "shape.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class V>
constexpr const Shape& kShape = shape_of(V::registers);

// Rows of a tile of n vectors.
template <class V>
constexpr int tile_rows(int n) {
    return kShape<V>.rows[n];
}

constexpr int64_t kAllLines = INT64_MAX;

// `A`, the arithmetic, is Singles or Pairs of simd/vec.h: what an operand is (one element or a pair of them) and how it is multiplied. Lengths and
// strides count operands.
template <class A>
struct Product {
    using T = typename A::T;
    using X = typename A::X;
    const X* const* a;     // [R] pointers to rows of the left operand
    int64_t a_offset;      // added to every row of a, in elements
    int64_t segments;      // the inner dimension is `segments` runs of `length` operands of a row, `stride` apart
    int64_t length;
    int64_t stride;
    const T* w;            // [segments * length, N, lanes] right operand
    const T* first;        // [N, lanes] initial value of every row
    T* const* out;         // [R] rows of the result
    int64_t out_offset;
    const T* ahead;        // weights that will be needed next: fetched into the second-level cache, a line per k; null: none
    const T* rows_ahead;   // the same for rows that will be needed next
    bool add;              // the sum is added to what `out` holds, instead of taking its place
    const X* const* a2;    // [R] a second sum, of these rows, length2 operands each, times w2, is added; null: there is none
    const T* w2;
    int64_t length2;
    int64_t upper = 0;   // where a tile spans two strips: from one to the other, in elements
    int64_t upper2 = 0;  // the same in w2
    int64_t lines_ahead = kAllLines;  // of `ahead`, where a panel lies in strips
    bool fetch_out = false;  // `out` is memory not used for long: it is called into the first-level cache while the sum is computed
};

// Weights stream from the second-level cache; with 32 registers they are called into the first one so many steps before their use: 24 multiply-adds a
// step on two ports are 48 cycles, three times the 14 that this cache takes. With 16 registers a step takes 6 cycles, for which the hardware looks far
// enough ahead, and the call itself is one instruction in 25: a core that is shared with another thread has no room for it.
constexpr int64_t kWeightsAhead = 4;

// Operands of one chain at most: with 384, y of an RNN with 560 units erred 1.7 times as much as torch on one thread.
constexpr int64_t kChain = 256;

// Weights that many rows in turn find in a first-level cache of 32 KiB: half of it, and the rows run through the rest.
constexpr int64_t kFirstLevelRun = 16 * 1024;

// What a sum begins at that only adds to another.
template <class T>
alignas(64) constexpr T kNothing[kMaxTileVectors * 16] = {};

template <class T>
constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));

template <int Elements, class T>
UNROLL_INLINE void fetch(const T* p) {
UNROLL_LOOP(4)
    for (int i = 0; i < Elements; i += kLine<T>) UNROLL_FETCH(p + i, 0, 3);
}

// Operands of each of the chains that a sum of n is cut into.
UNROLL_INLINE int64_t chain_length(int64_t n) {
    if (n <= kChain) return n;
    const int64_t chains = (n + kChain - 1) / kChain;
    return (n + chains - 1) / chains;
}

// R rows by N vectors; the rows of the right operand are S vectors apart. N = 2 S: the operand lies in two strips, one behind the other.
template <class A, int R, int N, int S>
UNROLL_NOINLINE void tile(const Product<A>& p) {
    using V = typename A::V;
    using T = typename A::T;
    using X = typename A::X;
    constexpr int L = V::lanes;
    // The stores below might alias `p` as far as the compiler knows: read it before.
    T* const* const out = p.out;
    const int64_t out_offset = p.out_offset;
    if (R > 2 && p.fetch_out)
UNROLL_LOOP(8)
        for (int r = 0; r < R; ++r) fetch<N * L>(out[r] + out_offset);
    V acc[R][N];
UNROLL_LOOP(8)
    for (int r = 0; r < R; ++r)
UNROLL_LOOP(4)
        for (int n = 0; n < N; ++n) acc[r][n] = load<V>(p.first + n * L);
    const X* a[R];
UNROLL_LOOP(8)
    for (int r = 0; r < R; ++r) a[r] = p.a[r] + p.a_offset;
    const T* w = p.w;
    const T* upper = p.w + p.upper;
    const auto step = [&](int64_t k) UNROLL_INLINE_LAMBDA {
        decltype(A::load(w)) b[N];
UNROLL_LOOP(4)
        for (int n = 0; n < N; ++n) b[n] = A::load((n < S ? w : upper) + n % S * L);
UNROLL_LOOP(8)
        for (int r = 0; r < R; ++r) {
            const auto x = A::broadcast(a[r] + A::fold * k);
UNROLL_LOOP(4)
            for (int n = 0; n < N; ++n) acc[r][n] = A::multiply_add(x, b[n], acc[r][n]);
        }
        // With one or two rows the loads of the weights themselves are the bottleneck, and the hardware follows them.
        if constexpr (R > 2 && !kShape<V>.in_strips()) fetch<N * L>(w + kWeightsAhead * S * L);
        w += S * L;
        if constexpr (N > S) upper += S * L;
    };
    const bool fetching = R > 2 && (p.ahead || p.rows_ahead);
    const int64_t lines_ahead = p.lines_ahead;
    const T* ahead = p.ahead ? p.ahead : p.rows_ahead;
    const T* rows_ahead = p.rows_ahead ? p.rows_ahead : p.ahead;
    constexpr int64_t line = kLine<T>;
    int64_t k = 0, end = p.length, segment = 1, length = chain_length(p.segments * p.length), room = length;
    bool second = false, add = p.add;
    // The sum so far goes to `out`, and the next chain begins.
    const auto next_chain = [&]() UNROLL_INLINE_LAMBDA {
UNROLL_LOOP(8)
        for (int r = 0; r < R; ++r)
UNROLL_LOOP(4)
            for (int n = 0; n < N; ++n) {
                T* const to = out[r] + out_offset + n * L;
                store(to, add ? load<V>(to) + acc[r][n] : acc[r][n]);
                acc[r][n] = fill<V>(T(0));
            }
        add = true;
        room = length;
    };
    for (;;) {
        const int64_t stop = end - k <= room ? end : k + room;
        room -= stop - k;
        const int64_t fetched = kShape<V>.in_strips() && lines_ahead < stop ? lines_ahead : stop;
        if (fetching)
            for (; k < fetched; ++k) {
                step(k);
                UNROLL_FETCH(ahead, 0, 2);
                UNROLL_FETCH(rows_ahead, 0, 2);
                ahead += line;
                rows_ahead += line;
            }
        // Two steps at a time where registers are left for it: a tile of three vectors has none of 16.
        if constexpr (kShape<V>.in_strips() && N < 3)
            for (; k + 1 < stop; k += 2) {
                step(k);
                step(k + 1);
            }
        for (; k < stop; ++k) step(k);
        if (k < end) {
            next_chain();
            continue;
        }
        if (segment < p.segments) {
            k = segment * p.stride;
            end = k + p.length;
            ++segment;
            continue;
        }
        if (second || !p.a2) break;
        second = true;
        length = chain_length(p.length2);
        next_chain();
UNROLL_LOOP(8)
        for (int r = 0; r < R; ++r) a[r] = p.a2[r];
        w = p.w2;
        upper = p.w2 + p.upper2;
        k = 0;
        end = p.length2;
    }
    // All loads before the first store: a load that lies a page apart from a fresh store waits for it.
    if (add)
UNROLL_LOOP(8)
        for (int r = 0; r < R; ++r)
UNROLL_LOOP(4)
            for (int n = 0; n < N; ++n) acc[r][n] = load<V>(out[r] + out_offset + n * L) + acc[r][n];
UNROLL_LOOP(8)
    for (int r = 0; r < R; ++r)
UNROLL_LOOP(4)
        for (int n = 0; n < N; ++n) store(out[r] + out_offset + n * L, acc[r][n]);
}

// The same tile for sums over rows of time: the left operand lies with the inner dimension outermost, an operand to an element. Always starts
// from zero.
template <class T>
struct OuterProduct {
    const T* a;        // [length, >= R], rows a_stride apart
    int64_t a_stride;
    const T* w;        // [length, N, lanes], rows w_stride apart
    int64_t w_stride;
    int64_t length;
    T* sum;            // [R, N, lanes] the result is added here
};

template <class A, int R, int N>
UNROLL_NOINLINE void outer_tile(const OuterProduct<typename A::T>& p) {
    using V = typename A::V;
    using T = typename A::T;
    constexpr int L = V::lanes;
    V acc[R][N];
UNROLL_LOOP(8)
    for (int r = 0; r < R; ++r)
UNROLL_LOOP(4)
        for (int n = 0; n < N; ++n) acc[r][n] = fill<V>(T(0));
    const T *a = p.a, *w = p.w;
    T* const sum = p.sum;
    const int64_t a_stride = p.a_stride, w_stride = p.w_stride, length = p.length;
UNROLL_LOOP(8)
    for (int r = 0; r < R; ++r) fetch<N * L>(sum + r * N * L);
    for (int64_t k = 0; k < length; ++k) {
        decltype(A::load(w)) b[N];
UNROLL_LOOP(4)
        for (int n = 0; n < N; ++n) b[n] = A::load(w + n * L);
UNROLL_LOOP(8)
        for (int r = 0; r < R; ++r) {
            const auto x = A::broadcast(a + r);
UNROLL_LOOP(4)
            for (int n = 0; n < N; ++n) acc[r][n] = A::multiply_add(x, b[n], acc[r][n]);
        }
        // The rows of `a` lie apart, so no hardware prefetcher follows them.
        UNROLL_FETCH(a + 12 * a_stride, 0, 3);
        a += a_stride;
        w += w_stride;
    }
UNROLL_LOOP(8)
    for (int r = 0; r < R; ++r)
UNROLL_LOOP(4)
        for (int n = 0; n < N; ++n) acc[r][n] = load<V>(sum + (r * N + n) * L) + acc[r][n];
UNROLL_LOOP(8)
    for (int r = 0; r < R; ++r)
UNROLL_LOOP(4)
        for (int n = 0; n < N; ++n) store(sum + (r * N + n) * L, acc[r][n]);
}

template <class A, int N, int R, int S = N>
struct TileTable {
    static void outer(int rows, const OuterProduct<typename A::T>& p) {
        if (rows == R)
            outer_tile<A, R, N>(p);
        else
            TileTable<A, N, R - 1, S>::outer(rows, p);
    }
    static void run(int rows, const Product<A>& p) {
        if (rows == R)
            tile<A, R, N, S>(p);
        else
            TileTable<A, N, R - 1, S>::run(rows, p);
    }
};
template <class A, int N, int S>
struct TileTable<A, N, 0, S> {
    static void outer(int, const OuterProduct<typename A::T>&) {}
    static void run(int, const Product<A>&) {}
};

template <class V>
constexpr int64_t most_rows(int64_t rows, int width) {
    return kShape<V>.halves && width == 4 && (rows == 7 || rows == 8) ? 8 : tile_rows<V>(width);
}

// rows <= most_rows<V>(rows, vectors), vectors <= kMaxTileVectors.
template <class A>
UNROLL_NOINLINE void run_tile(int rows, int vectors, const Product<A>& p) {
    using V = typename A::V;
    switch (vectors) {
        case 4: {
            if constexpr (kShape<V>.halves)
                if (rows > tile_rows<V>(4)) {
                    Product<A> half = p;
                    rows == 8 ? tile<A, 8, 2, 4>(half) : tile<A, 7, 2, 4>(half);
                    half.first += 2 * V::lanes;
                    half.w += 2 * V::lanes;
                    half.w2 += half.w2 ? 2 * V::lanes : 0;
                    half.out_offset += 2 * V::lanes;
                    return rows == 8 ? tile<A, 8, 2, 4>(half) : tile<A, 7, 2, 4>(half);
                }
            return TileTable<A, 4, tile_rows<V>(4), kShape<V>.strip[4]>::run(rows, p);
        }
        case 3: return TileTable<A, 3, tile_rows<V>(3)>::run(rows, p);
        case 2: return TileTable<A, 2, tile_rows<V>(2)>::run(rows, p);
        default: return TileTable<A, 1, tile_rows<V>(1)>::run(rows, p);
    }
}

template <class A>
UNROLL_NOINLINE void run_outer_tile(int rows, int vectors, const OuterProduct<typename A::T>& p) {
    using V = typename A::V;
    switch (vectors) {
        case 4: return TileTable<A, 4, kShape<V>.in_strips() ? 0 : tile_rows<V>(4)>::outer(rows, p);
        case 3: return TileTable<A, 3, tile_rows<V>(3)>::outer(rows, p);
        case 2: return TileTable<A, 2, tile_rows<V>(2)>::outer(rows, p);
        default: return TileTable<A, 1, tile_rows<V>(1)>::outer(rows, p);
    }
}

// `count` items in the fewest tiles of at most `most`, as equal as can be: a nearly empty last tile would not fill the pipeline.
struct Tiles {
    int64_t tiles, size, larger;  // the first `larger` tiles have size + 1 items
    Tiles(int64_t items, int64_t most) : tiles(items > 0), size(items), larger(0) {
        if (items <= most) return;
        // 32 bits: a 64-bit division costs as much as a small tile.
        const uint32_t n = static_cast<uint32_t>(items), count = (n + static_cast<uint32_t>(most) - 1) / static_cast<uint32_t>(most);
        tiles = count;
        size = n / count;
        larger = n % count;
    }
    int64_t begin(int64_t i) const { return i * size + (i < larger ? i : larger); }
};

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
