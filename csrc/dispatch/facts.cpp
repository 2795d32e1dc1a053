// The facts of all cells, read from their classes; which level's makes no difference.
#define UNROLL_LEVEL facts
#define UNROLL_LEVEL_SCALAR
#include "../cells/cells.inc"

namespace unroll {

const CellFacts& facts_of(Cell cell) {
    static constexpr CellFacts all[] = {
#define UNROLL_CELL(name, Class) facts::Class<facts::VecF>::facts,
#include "../cells/cells.inc"
    };
    return all[static_cast<int>(cell)];
}

}  // namespace unroll
