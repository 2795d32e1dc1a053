// Carries out VDPBF16PS on a CPU with AVX-512 that lacks it, in the signal handler for unknown instructions, so that the level which holds it can
// be run: as Intel's manual has it, one lane at a time, and independent of the stand-in in simd/pairs.h. Thousands of times slower; Linux, x86-64.
// The build is told that the CPU has everything:
//
//   flags="-std=c++17 -O2 -ffp-contract=off -fopenmp -Wno-uninitialized"; wide="-mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mbmi2"
//   for f in csrc/dispatch/*.cpp csrc/tests/check_level.cpp csrc/tests/carry_out_pairs.cpp; do
//     case $f in *avx512.cpp) more="$wide -DUNROLL_BUILD_AVX512";; *avx512bf16.cpp) more="$wide -mavx512bf16 -DUNROLL_BUILD_AVX512BF16";;
//       *scalar.cpp) more=-DUNROLL_BUILD_SCALAR;; *pairs.cpp) more=-mfma;; *dispatch.cpp) more="-DUNROLL_BUILD_AVX512BF16 -D__builtin_cpu_supports(x)=1";;
//       *) more=;; esac
//     g++ $flags $more -c $f -o "$(basename $f .cpp).o"
//   done; g++ -fopenmp ./*.o && ./a.out
#include <cpuid.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

// Parts of a saved register file: the lower 16 bytes of registers 0 to 15, their next 16, their upper 32, and registers 16 to 31.
enum Part { kLow = 1, kMiddle = 2, kUpper = 6, kRest = 7 };
constexpr Part kParts[] = {kLow, kMiddle, kUpper, kRest};
unsigned offset[8];
const unsigned bytes[8] = {0, 256, 256, 0, 0, 0, 512, 1024};
long carried_out;

// 16-byte quarter of a register.
char* quarter(char* file, int index, int which) {
    if (index >= 16) return file + offset[kRest] + 64 * (index - 16) + 16 * which;
    if (which == 0) return file + offset[kLow] + 16 * index;
    if (which == 1) return file + offset[kMiddle] + 16 * index;
    return file + offset[kUpper] + 32 * index + 16 * (which - 2);
}

float upper_half(uint32_t pair) {
    const uint32_t bits = pair & 0xffff0000u;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
float lower_half(uint32_t pair) { return upper_half(pair << 16); }

void handle(int, siginfo_t*, void* context) {
    mcontext_t& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
    const unsigned char* at = reinterpret_cast<const unsigned char*>(machine.gregs[REG_RIP]);
    // 512 bits, three registers, no mask: the only form in the kernels.
    if (at[0] != 0x62 || (at[1] & 0x0f) != 2 || (at[2] & 0x87) != 0x06 || (at[3] & 0xf7) != 0x40 || at[4] != 0x52 || (at[5] & 0xc0) != 0xc0) {
        std::fprintf(stderr, "another instruction that this CPU does not have: %02x %02x %02x %02x %02x %02x\n", at[0], at[1], at[2], at[3], at[4], at[5]);
        _exit(3);
    }
    const int to = (at[5] >> 3 & 7) + (at[1] & 0x80 ? 0 : 8) + (at[1] & 0x10 ? 0 : 16);
    const int first = (~at[2] >> 3 & 15) + (at[3] & 8 ? 0 : 16), second = (at[5] & 7) + (at[1] & 0x20 ? 0 : 8) + (at[1] & 0x40 ? 0 : 16);
    char* file = reinterpret_cast<char*>(machine.fpregs);
    // A part that was zero throughout was not saved.
    uint64_t saved;
    std::memcpy(&saved, file + 512, sizeof saved);
    for (const Part part : kParts)
        if (!(saved >> part & 1)) std::memset(file + offset[part], 0, bytes[part]);
    saved |= 1u << kLow | 1u << kMiddle | 1u << kUpper | 1u << kRest;
    std::memcpy(file + 512, &saved, sizeof saved);
    const unsigned before = _mm_getcsr();
    _mm_setcsr(0x9fc0);  // to the nearest; subnormal operands and results are zero
    for (int which = 0; which < 4; ++which) {
        float sum[4];
        uint32_t a[4], b[4];
        std::memcpy(sum, quarter(file, to, which), sizeof sum);
        std::memcpy(a, quarter(file, first, which), sizeof a);
        std::memcpy(b, quarter(file, second, which), sizeof b);
        for (int lane = 0; lane < 4; ++lane) {
            sum[lane] = __builtin_fmaf(upper_half(a[lane]), upper_half(b[lane]), sum[lane]);
            sum[lane] = __builtin_fmaf(lower_half(a[lane]), lower_half(b[lane]), sum[lane]);
        }
        std::memcpy(quarter(file, to, which), sum, sizeof sum);
    }
    _mm_setcsr(before);
    machine.gregs[REG_RIP] += 6;
    ++carried_out;
}

const struct Handler {
    Handler() {
        for (const Part part : kParts) {
            unsigned a, b, c, d;
            __cpuid_count(13, part, a, b, c, d);
            offset[part] = part == kLow ? 160 : b;  // the oldest part's place is not asked for
        }
        struct sigaction action {};
        action.sa_sigaction = handle;
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGILL, &action, nullptr);
    }
    ~Handler() { std::printf("%ld products of pairs carried out\n", carried_out); }
} handler;

}  // namespace
