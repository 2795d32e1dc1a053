// The one matrix product of the engine: a tile of R rows by N vectors, held in registers over the whole inner dimension.
//
// Every output element is one chain of multiply-adds in the order of k, begun at its initial value. So its bits depend neither on the tile
// that holds it nor on the rows around it, and a product may be cut at any k and continued later without changing them.
#pragma once

#include "../simd/vec.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

// Tiles must leave room for N weights and one broadcast value: 6 x 4 and 8 x 3 of 32 registers, 2 x 4 and 3 x 3 of 16.
template <class V>
constexpr int tile_rows(int n) {
    return V::registers == 32 ? (n == 4 ? 6 : 8) : (n == 4 ? 2 : n == 3 ? 3 : 4);
}
constexpr int kMaxTileRows = 8;
constexpr int kMaxTileVectors = 4;

template <class T>
struct Product {
    const T* const* a;     // [R] pointers to rows of the left operand
    int64_t a_offset;      // added to every row of a
    int64_t segments;      // the inner dimension is `segments` runs of `length` elements of a row, `stride` apart
    int64_t length;
    int64_t stride;
    const T* w;            // [segments * length, N, lanes] right operand, rows w_stride apart
    int64_t w_stride;
    const T* first;        // [N, lanes] initial value of every row; null: row r starts from from[r] + from_offset
    const T* const* from;  // [R]
    int64_t from_offset;
    T* const* out;         // [R] rows of the result; out[r] + out_offset may be from[r] + from_offset
    int64_t out_offset;
    const T* ahead;        // weights that will be needed next: fetched into the second-level cache, a line per k; null: none
    const T* rows_ahead;   // the same for rows that will be needed next
    const T* const* a2;    // [R] the sum goes on with these rows, length2 elements each, times w2; null: it does not
    const T* w2;           // rows w_stride apart
    int64_t length2;
};

template <class V, int R, int N>
__attribute__((noinline)) void tile(const Product<typename V::T>& p) {
    using T = typename V::T;
    constexpr int L = V::lanes;
    V acc[R][N];
    if (p.first) {
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int n = 0; n < N; ++n) acc[r][n] = load<V>(p.first + n * L);
    } else {
        const T* const* from = p.from;
        const int64_t offset = p.from_offset;
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int n = 0; n < N; ++n) acc[r][n] = load<V>(from[r] + offset + n * L);
    }
    const T* a[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) a[r] = p.a[r] + p.a_offset;
    const T* w = p.w;
    const int64_t w_stride = p.w_stride;
    [[maybe_unused]] const char* ahead = reinterpret_cast<const char*>(p.ahead ? p.ahead : p.w);
    [[maybe_unused]] const int64_t ahead_step = p.ahead ? 64 : 0;
    [[maybe_unused]] const char* rows_ahead = reinterpret_cast<const char*>(p.rows_ahead ? p.rows_ahead : p.w);
    [[maybe_unused]] const int64_t rows_ahead_step = p.rows_ahead ? 64 : 0;
    // The stores below might alias `p` as far as the compiler knows: read it before.
    T* const* const out = p.out;
    const int64_t out_offset = p.out_offset;
    const T* const* const a2 = p.a2;
    const T* const w2 = p.w2;
    const int64_t length2 = p.length2;
    const auto step = [&](int64_t k) __attribute__((always_inline)) {
        V b[N];
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) b[n] = load<V>(w + n * L);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const V x = fill<V>(a[r][k]);
#pragma GCC unroll 4
            for (int n = 0; n < N; ++n) acc[r][n] = fma(x, b[n], acc[r][n]);
        }
        w += w_stride;
    };
    for (int64_t s = 0; s < p.segments; ++s) {
        const int64_t end = s * p.stride + p.length;
        int64_t k = s * p.stride;
        // A narrow tile has nearly as many other instructions as multiply-adds: two steps for one turn of the loop.
        if constexpr (N <= 2)
            for (; k + 2 <= end; k += 2) {
                step(k);
                step(k + 1);
            }
        for (; k < end; ++k) {
            step(k);
            // With one or two rows the loads of the weights themselves are the bottleneck, and the hardware follows them.
            if constexpr (R > 2 && N > 2) {
                __builtin_prefetch(ahead, 0, 2);
                ahead += ahead_step;
                __builtin_prefetch(rows_ahead, 0, 2);
                rows_ahead += rows_ahead_step;
            }
        }
    }
    if (a2) {
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) a[r] = a2[r];
        w = w2;
        for (int64_t k = 0; k < length2; ++k) step(k);
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) store(out[r] + out_offset + n * L, acc[r][n]);
}

// The same tile for sums over rows of time: the left operand lies with the inner dimension outermost. Always starts from zero.
template <class T>
struct OuterProduct {
    const T* a;        // [length, >= R], rows a_stride apart
    int64_t a_stride;
    const T* w;        // [length, N, lanes], rows w_stride apart
    int64_t w_stride;
    int64_t length;
    T* sum;            // [R, N, lanes] the result is added here
};

template <class V, int R, int N>
__attribute__((noinline)) void outer_tile(const OuterProduct<typename V::T>& p) {
    using T = typename V::T;
    constexpr int L = V::lanes;
    V acc[R][N];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) acc[r][n] = fill<V>(T(0));
    const T *a = p.a, *w = p.w;
    const int64_t a_stride = p.a_stride, w_stride = p.w_stride;
    for (int64_t k = 0; k < p.length; ++k) {
        V b[N];
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) b[n] = load<V>(w + n * L);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const V x = fill<V>(a[r]);
#pragma GCC unroll 4
            for (int n = 0; n < N; ++n) acc[r][n] = fma(x, b[n], acc[r][n]);
        }
        // The rows of `a` lie apart, so no hardware prefetcher follows them.
        __builtin_prefetch(a + 12 * a_stride, 0, 3);
        a += a_stride;
        w += w_stride;
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) {
            T* sum = p.sum + (r * N + n) * L;
            store(sum, load<V>(sum) + acc[r][n]);
        }
}

template <class V, int N, int R>
struct TileTable {
    static void outer(int rows, const OuterProduct<typename V::T>& p) {
        if (rows == R)
            outer_tile<V, R, N>(p);
        else
            TileTable<V, N, R - 1>::outer(rows, p);
    }
    static void run(int rows, const Product<typename V::T>& p) {
        if (rows == R)
            tile<V, R, N>(p);
        else
            TileTable<V, N, R - 1>::run(rows, p);
    }
};
template <class V, int N>
struct TileTable<V, N, 0> {
    static void outer(int, const OuterProduct<typename V::T>&) {}
    static void run(int, const Product<typename V::T>&) {}
};

// Seven or eight rows of four vectors are best taken as two halves of two vectors: cut into two tiles of four rows they would need the weights
// twice as fast as the second-level cache gives them.
template <class V>
constexpr int64_t most_rows(int64_t rows, int width) {
    return V::registers == 32 && width == 4 && (rows == 7 || rows == 8) ? 8 : tile_rows<V>(width);
}

// rows <= most_rows<V>(rows, vectors), vectors <= kMaxTileVectors.
template <class V>
__attribute__((noinline)) void run_tile(int rows, int vectors, const Product<typename V::T>& p) {
    switch (vectors) {
        case 4: {
            if (rows <= tile_rows<V>(4)) return TileTable<V, 4, tile_rows<V>(4)>::run(rows, p);
            Product<typename V::T> half = p;
            TileTable<V, 2, tile_rows<V>(2)>::run(rows, half);
            half.w += 2 * V::lanes;
            half.w2 += half.w2 ? 2 * V::lanes : 0;
            if (half.first) half.first += 2 * V::lanes;
            half.from_offset += 2 * V::lanes;
            half.out_offset += 2 * V::lanes;
            return TileTable<V, 2, tile_rows<V>(2)>::run(rows, half);
        }
        case 3: return TileTable<V, 3, tile_rows<V>(3)>::run(rows, p);
        case 2: return TileTable<V, 2, tile_rows<V>(2)>::run(rows, p);
        default: return TileTable<V, 1, tile_rows<V>(1)>::run(rows, p);
    }
}

template <class V>
__attribute__((noinline)) void run_outer_tile(int rows, int vectors, const OuterProduct<typename V::T>& p) {
    switch (vectors) {
        case 4: return TileTable<V, 4, tile_rows<V>(4)>::outer(rows, p);
        case 3: return TileTable<V, 3, tile_rows<V>(3)>::outer(rows, p);
        case 2: return TileTable<V, 2, tile_rows<V>(2)>::outer(rows, p);
        default: return TileTable<V, 1, tile_rows<V>(1)>::outer(rows, p);
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
