// Compares the best instruction set of the machine with the plain one: forward and backward of every cell, with and without options, ragged rows,
// sizes around the lane counts. Products of bfloat16 pairs are compared with float32 ones, and where the CPU has the instruction for them, bit
// for bit with its stand-in. scripts/check-native builds and runs it, and scripts/check-arm does on an emulated ARM processor.
#include "case.h"

namespace {

int failures = 0;

template <class T>
void compare(const Kind& kind, const Case<T>& c, const char* first, const char* second, double bound) {
    ok(set_level(first));
    const std::vector<double> plain = c.run(1);
    ok(set_level(second));
    const std::vector<double> other = c.run(1);
    double worst = 0;
    for (size_t i = 0; i < plain.size(); ++i) worst = std::max(worst, std::isfinite(other[i]) ? std::fabs(plain[i] - other[i]) : INFINITY);
    if (worst <= bound) return;
    ++failures;
    std::printf("FAILED %s options %u I %d H %d P %d: %g, bound %g\n", kind.name, c.spec.options, static_cast<int>(c.spec.I),
                static_cast<int>(c.spec.H), static_cast<int>(c.spec.P), worst, bound);
}

template <class T>
void every_case(Dtype dtype, const char* first, const char* second, double bound) {
    for (const Kind& kind : kKinds)
        for (int64_t size : {5, 8, 17, 33})
            for (int64_t rows : {1, 7, 13}) compare(kind, Case<T>(spec_of(kind, dtype, size), 9, rows), first, second, bound);
}

}  // namespace

int main() {
    const char* best = level_name(best_level());
    every_case<float>(Dtype::f32, "scalar", best, 2e-4);
    every_case<double>(Dtype::f64, "scalar", best, 1e-12);
    // The state is rounded at every step, and gate gradients are.
    if (level_available(Level::avx512bf16_emulated)) every_case<uint16_t>(Dtype::bf16, "scalar", "avx512bf16-emulated", 2e-2);
    if (level_available(Level::avx512bf16)) every_case<uint16_t>(Dtype::bf16, "avx512bf16-emulated", "avx512bf16", 0);
    std::printf("%s against scalar: %d failures\n", best, failures);
    return failures != 0;
}
