// The threads of a build, OpenMP's or its own: every level's bits are the same for any number of them, callers on several threads do not disturb each
// other, teams are whole, and, unless the argument is no-fork, a forked child has threads again. Under ThreadSanitizer too, where threads are the
// library's own.
#include <atomic>
#include <cstring>
#include <thread>

#include "../dispatch/cpuid.h"
#include "../dispatch/threads.h"
#include "case.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
    if (holds) return;
    ++failures;
    std::printf("FAILED %s\n", what);
}

constexpr Level kAll[] = {Level::scalar, Level::neon, Level::avx2, Level::avx512, Level::avx512bf16};

// 20 rows: training takes them in two parts. 64 units of 1 and 2 rows: workers share the units of a row and meet at every step.
template <class T>
void same_bits(Dtype dtype) {
    for (const Kind& kind : kKinds)
        for (int64_t size : {17, 64})
            for (int64_t rows : {1, 2, 13, 20}) {
                const Case<T> c(spec_of(kind, dtype, size), 7, rows);
                const std::vector<double> one = c.run(1);
                for (int32_t threads : {2, 3, 5}) expect(c.run(threads) == one, kind.name);
            }
}

void several_callers() {
    const Case<float> c(spec_of(kKinds[2], Dtype::f32, 64), 7, 2);
    const std::vector<double> one = c.run(1);
    std::atomic<int> different{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i)
        callers.emplace_back([&] {
            for (int k = 0; k < 10; ++k) different += c.run(3) != one;
        });
    for (std::thread& caller : callers) caller.join();
    expect(different == 0, "bits of callers on several threads");
}

void whole_teams() {
    for (int k = 0; k < 2000; ++k) {
        const int32_t wanted = 2 + k % 4;
        std::vector<int> calls(static_cast<size_t>(wanted));
        std::atomic<int64_t> counted{0};
        on_threads(wanted, [&](int64_t index, int64_t count) {
            ++calls[static_cast<size_t>(index)];
            counted = count;
        });
        expect(std::count(calls.begin(), calls.end(), 1) == counted && counted == wanted, "one call for each member of a team");
    }
}

void forked_child() {
#if defined(__unix__) || defined(__APPLE__)
    if (std::strcmp(thread_library(), "std::thread") != 0) return;  // OpenMP's do not promise it
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);  // a child that waits for threads it does not have
        std::atomic<int> calls{0};
        on_threads(3, [&](int64_t, int64_t) { ++calls; });
        _exit(calls == 3 ? 0 : 1);
    }
    int status = 1;
    expect(waitpid(child, &status, 0) == child && status == 0, "a team in a forked child");
#endif
}

void cpuid() {
#if defined(UNROLL_CPUID) && defined(UNROLL_CPU_SUPPORTS)
    for (Level level : kAll)
        if (level_available(level)) expect(cpuid_has(level), "a level by CPUID");
    expect(cpuid_has(Level::avx2) == (UNROLL_CPU_SUPPORTS("avx2") && UNROLL_CPU_SUPPORTS("fma") && UNROLL_CPU_SUPPORTS("bmi2")), "AVX2 by CPUID");
    expect(cpuid_has(Level::avx512) == (UNROLL_CPU_SUPPORTS("avx512f") && UNROLL_CPU_SUPPORTS("avx512dq") &&
                                        UNROLL_CPU_SUPPORTS("avx512bw") && UNROLL_CPU_SUPPORTS("avx512vl")),
           "AVX-512 by CPUID");
#endif
}

}  // namespace

int main(int argc, char** argv) {
    const bool forks = argc < 2 || std::strcmp(argv[1], "no-fork") != 0;
    cpuid();
    whole_teams();
    int levels = 0;
    for (Level level : kAll) {
        if (!level_available(level)) continue;
        ++levels;
        ok(set_level(level_name(level)));
        same_bits<float>(Dtype::f32);
        same_bits<double>(Dtype::f64);
        several_callers();
    }
    if (forks) forked_child();
    std::printf("threads from %s, %d levels: %d failures\n", thread_library(), levels, failures);
    return failures != 0;
}
