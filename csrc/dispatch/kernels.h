// The border between the driver, built for the machine's baseline, and the kernels of one instruction set: plain pointers and structs only.
#pragma once

#include <cstdint>

#include "../scan/job.h"

namespace unroll {

constexpr int kCells = 0
#define UNROLL_CELL(name, Class) +1
#include "../cells/cells.inc"
    ;

// The kernels of one element type.
struct TypeKernels {
    int64_t lanes;
    int registers;
    void (*pack)(const Spec&, const Layout&, const Params&, bool training, void* packed, int64_t worker, int64_t workers);
    void (*forward[kCells])(const ForwardJob&, const Worker&);
    void (*backward[kCells])(const BackwardJob&, const Worker&);
    // What backward left in the jobs of the parts of a batch, into the caller's gradients of parameters.
    void (*finish)(const BackwardJob* parts, int64_t count, int64_t worker, int64_t workers);
    double (*peak)(int64_t repeats);  // floating-point operations done
};

struct Kernels {
    TypeKernels f32;
    TypeKernels f64;
    TypeKernels bf16;  // products of pairs; lanes is 0 where the level has none, a function is null where the cell has none
};

// Null where the build has no such level. Defined in level_<name>.cpp.
const Kernels* kernels_scalar();
const Kernels* kernels_avx2();
const Kernels* kernels_avx512();
const Kernels* kernels_avx512bf16();
const Kernels* kernels_avx512bf16_emulated();
const Kernels* kernels_neon();

// The table in force.
const Kernels& kernels();

inline const TypeKernels& type_kernels(Dtype dtype) {
    const Kernels& k = kernels();
    return dtype == Dtype::f64 ? k.f64 : dtype == Dtype::bf16 && k.bf16.lanes ? k.bf16 : k.f32;
}

}  // namespace unroll
