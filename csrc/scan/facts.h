// What is known of a cell without its vectors. Its class says it once, and the layout, the driver and the binding ask here.
#pragma once

#include <cstdint>

#include "api.h"

namespace unroll {

struct CellFacts {
    int64_t gates;    // stacked in the parameters, without options; slots 0 .. gates-1 come from the input product
    int64_t slots;    // vectors of a gate row per unit vector, without options
    int64_t h_first;  // slots h_first .. h_first+h_gates-1 come from the recurrent product
    int64_t h_gates;  // 0: the cell has no recurrent weights
    int64_t traced;   // gates by name
    uint32_t options;  // those that the cell takes
    bool has_c = false;  // a memory beside h; a projection is then possible
    bool candidate_first = false;  // slot 0 is the last of the stacked gates, and the others follow in their order; a slot behind them is its recurrent part
    bool reset_before = false;  // the recurrent product of slot 0 is of what the cell's first stage makes of h

    int64_t stacked(uint32_t given) const { return given & kCoupled ? gates - 1 : gates; }
};

const CellFacts& facts_of(Cell cell);

}  // namespace unroll
