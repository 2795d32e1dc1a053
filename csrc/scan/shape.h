// The shape of register tiles, by the number of registers: the one table from which the layout of packed weights and the kernels take it.
//
// A tile of R rows by N vectors keeps R * N sums, N weights and a broadcast value in registers. Its R * N multiply-adds need N + R loads, so it should be
// near a square, and at least as many sums as a multiply-add takes cycles times the number of units that start one: 8 on most processors, 16 on those with
// four units. What N weights cost a row is what a cache must give: 2 rows by 4 vectors of 256 bits ask for 32 bytes a cycle, all that a second-level
// cache has, 4 rows by 3 vectors for 16, 6 rows by 2 vectors for 11.
#pragma once

#include <cstdint>

namespace unroll {

constexpr int kMaxTileRows = 8;
constexpr int kMaxTileVectors = 4;

struct Shape {
    int registers;
    // By the vectors of a panel, 1 to 4: the vectors of a tile. A panel of more lies in strips of so many, one behind the other.
    int strip[kMaxTileVectors + 1];
    // By the vectors of a tile: its rows.
    int rows[kMaxTileVectors + 1];
    // Rows up to which a tile spans all strips of a panel: of so few the sums of one strip are too few to keep the units busy.
    int few_rows;
    // Whether seven or eight rows of four vectors are best taken as two halves of two vectors: cut into two tiles of four rows they would need the weights
    // twice as fast as the second-level cache gives them.
    bool halves;
    // Bytes of weights that may be taken to stay in a second-level cache: of 1 MiB on servers with AVX-512, of 512 KiB elsewhere.
    int64_t cached;

    constexpr bool in_strips() const { return strip[kMaxTileVectors] < kMaxTileVectors; }
};

constexpr Shape kShapes[] = {
    {32, {0, 1, 2, 3, 4}, {0, 8, 8, 8, 6}, 0, true, 640 * 1024},   // AVX-512 (16 lanes), NEON (4 lanes)
    {16, {0, 1, 2, 3, 2}, {0, 8, 6, 4, 2}, 2, false, 320 * 1024},  // AVX2 (8 lanes), SSE and whatever else the plain baseline has (4 lanes)
};

constexpr const Shape& shape_of(int registers) { return registers == kShapes[0].registers ? kShapes[0] : kShapes[1]; }

}  // namespace unroll
