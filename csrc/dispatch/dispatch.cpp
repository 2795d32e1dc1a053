// Which instruction set is used: the best one that the build and the CPU have, or the one that was asked for.
#include <atomic>
#include <cstring>

#include "cpuid.h"
#include "kernels.h"

namespace unroll {
namespace {

constexpr Level kLevels[] = {Level::avx512bf16, Level::avx512, Level::avx2, Level::neon, Level::scalar};  // best first

const Kernels* built(Level level) {
    switch (level) {
        case Level::avx512bf16: return kernels_avx512bf16();
        case Level::avx512bf16_emulated: return kernels_avx512bf16_emulated();
        case Level::avx512: return kernels_avx512();
        case Level::avx2: return kernels_avx2();
        case Level::neon: return kernels_neon();
        default: return kernels_scalar();
    }
}

bool cpu_has(Level level) {
#if defined(UNROLL_CPU_SUPPORTS)
    switch (level) {
        case Level::avx512bf16:
#if defined(UNROLL_BUILD_AVX512BF16)
            return cpu_has(Level::avx512) && UNROLL_CPU_SUPPORTS("avx512bf16");
#else
            return false;  // a compiler without these instructions may not know their name
#endif
        case Level::avx512:
        case Level::avx512bf16_emulated:
            return UNROLL_CPU_SUPPORTS("avx512f") && UNROLL_CPU_SUPPORTS("avx512dq") && UNROLL_CPU_SUPPORTS("avx512bw") &&
                   UNROLL_CPU_SUPPORTS("avx512vl") && UNROLL_CPU_SUPPORTS("fma") && UNROLL_CPU_SUPPORTS("bmi2");
        case Level::avx2: return UNROLL_CPU_SUPPORTS("avx2") && UNROLL_CPU_SUPPORTS("fma") && UNROLL_CPU_SUPPORTS("bmi2");
        case Level::neon: return false;
        default: return true;
    }
#elif defined(UNROLL_CPUID)
    return cpuid_has(level);
#elif defined(UNROLL_ARM64)
    return level == Level::neon || level == Level::scalar;
#else
    return level == Level::scalar;
#endif
}

std::atomic<int32_t> chosen{-1};

}  // namespace

const char* level_name(Level level) {
    switch (level) {
        case Level::avx512bf16: return "avx512bf16";
        case Level::avx512bf16_emulated: return "avx512bf16-emulated";
        case Level::avx512: return "avx512";
        case Level::avx2: return "avx2";
        case Level::neon: return "neon";
        default: return "scalar";
    }
}

bool level_available(Level level) { return cpu_has(level) && built(level); }

Level best_level() {
    for (Level level : kLevels)
        if (level_available(level)) return level;
    return Level::scalar;
}

Level level() {
    int32_t now = chosen.load(std::memory_order_acquire);
    if (now < 0) {
        now = static_cast<int32_t>(best_level());
        chosen.store(now, std::memory_order_release);
    }
    return static_cast<Level>(now);
}

Status set_level(const char* name) {
    if (!name || !*name) {
        chosen.store(static_cast<int32_t>(best_level()), std::memory_order_release);
        return Status::ok;
    }
    const auto named = [&](Level level) { return std::strcmp(name, level_name(level)) == 0; };
    const auto choose = [](Level level) {
        if (!level_available(level)) return Status::level_unavailable;
        chosen.store(static_cast<int32_t>(level), std::memory_order_release);
        return Status::ok;
    };
    for (Level level : kLevels)
        if (named(level)) return choose(level);
    // For tests, and slower than what it stands for: only by its name.
    return named(Level::avx512bf16_emulated) ? choose(Level::avx512bf16_emulated) : Status::unknown_level;
}

const Kernels& kernels() { return *built(level()); }

}  // namespace unroll
