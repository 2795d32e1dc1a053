// Measures sigmoid and tanh of simd/math.h against the C library's long double at the level this file is compiled for, and fails if they
// are worse than math.h states. Every 407th float32 bit pattern, and as many float64 values, or fewer by a factor, the first argument, for emulated
// processors; special values besides.
//
//   g++ -std=c++17 -O2 -ffp-contract=off -mavx2 -mfma -DUNROLL_LEVEL=avx2 -DUNROLL_LEVEL_AVX2 -Icsrc csrc/tests/check_math.cpp && ./a.out
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "simd/math.h"

namespace {

using namespace unroll::UNROLL_LEVEL;

int failures = 0;

void expect(bool ok, const char* what, double x, double got) {
    if (ok) return;
    ++failures;
    if (failures < 20) std::printf("FAILED %s at %.9g: %.9g\n", what, x, got);
}

template <class T>
double ulps(T got, long double want) {
    const T near = static_cast<T>(std::fabs(want));
    const T next = std::nextafter(near, std::numeric_limits<T>::infinity());
    return static_cast<double>(std::fabs(got - want) / (static_cast<long double>(next) - near));
}

struct Worst {
    double ulp = 0, at = 0;
    void see(double u, double x) {
        if (u > ulp) ulp = u, at = x;
    }
};

template <class V>
struct Check {
    using T = typename V::T;
    Worst tanh_worst, sigmoid_worst;

    static T of_sigmoid(T x) {
        T lane[V::lanes];
        store(lane, sigmoid(fill<V>(x)));
        return lane[V::lanes - 1];
    }

    void point(T x, T limit) {
        T lane[V::lanes];
        store(lane, tanh(fill<V>(x)));
        tanh_worst.see(ulps<T>(lane[0], std::tanh(static_cast<long double>(x))), x);
        const T s = of_sigmoid(x);
        const long double want = 1.0L / (1.0L + std::exp(-static_cast<long double>(x)));
        if (x >= -20)
            sigmoid_worst.see(ulps<T>(s, want), x);
        else
            expect(std::fabs(s - want) < 1e-14, "sigmoid far below zero", x, s);
        (void)limit;
    }

    void specials() {
        const T inf = std::numeric_limits<T>::infinity();
        T lane[V::lanes];
        const auto tanh_at = [&](T x) {
            store(lane, tanh(fill<V>(x)));
            return lane[0];
        };
        expect(tanh_at(inf) == 1 && tanh_at(-inf) == -1, "tanh of infinity", 0, tanh_at(inf));
        expect(tanh_at(0) == 0, "tanh of zero", 0, tanh_at(0));
        expect(std::isnan(tanh_at(std::numeric_limits<T>::quiet_NaN())), "tanh of NaN", 0, 0);
        expect(of_sigmoid(inf) == 1, "sigmoid of infinity", 0, of_sigmoid(inf));
        expect(of_sigmoid(-inf) >= 0 && of_sigmoid(-inf) < 1e-18, "sigmoid of -infinity", 0, of_sigmoid(-inf));
        expect(of_sigmoid(0) == T(0.5), "sigmoid of zero", 0, of_sigmoid(0));
        expect(std::isnan(of_sigmoid(std::numeric_limits<T>::quiet_NaN())), "sigmoid of NaN", 0, 0);
        store(lane, relu(fill<V>(std::numeric_limits<T>::quiet_NaN())));
        expect(std::isnan(lane[0]), "relu of NaN", 0, 0);
    }

    void report(const char* name, double tanh_bound, double sigmoid_bound) {
        std::printf("%s: tanh %.2f ulp at %.9g, sigmoid %.2f ulp at %.9g\n", name, tanh_worst.ulp, tanh_worst.at, sigmoid_worst.ulp, sigmoid_worst.at);
        expect(tanh_worst.ulp <= tanh_bound, "bound of tanh", tanh_worst.at, tanh_worst.ulp);
        expect(sigmoid_worst.ulp <= sigmoid_bound, "bound of sigmoid", sigmoid_worst.at, sigmoid_worst.ulp);
    }
};

}  // namespace

int main(int argc, char** argv) {
    const int factor = argc > 1 ? std::atoi(argv[1]) : 1;
    Check<VecF> single;
    for (uint64_t bits = 0; bits < (1ull << 32); bits += static_cast<uint64_t>(37 * 11 * factor)) {
        const uint32_t pattern = static_cast<uint32_t>(bits);
        float x;
        std::memcpy(&x, &pattern, sizeof x);
        // Below the normal numbers a unit in the last place is not what rounding errors are made of.
        if (std::isfinite(x) && (x == 0 || std::fabs(x) > 1e-30f)) single.point(x, 0);
    }
    single.specials();
    single.report("float32", 2.5, 3.0);
    Check<VecD> twice;
    for (int i = -2000000; i <= 2000000; i += factor) twice.point(i * 1e-5 + 1e-7, 0);
    twice.specials();
    twice.report("float64", 4.0, 6.0);
    return failures != 0;
}
