// What the checks in C++ share: cells with random weights and ragged rows, run forward and backward through scan/api.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "../scan/facts.h"
#include "../simd/bfloat16.h"

namespace {

using namespace unroll;

// Cells with their options that the checks go through.
struct Kind {
    const char* name;
    Cell cell;
    uint32_t options;
    int64_t P;
};
constexpr Kind kKinds[] = {{"rnn_tanh", Cell::rnn_tanh, 0, 0},          {"rnn_relu", Cell::rnn_relu, kLayerNorm, 0},
                           {"lstm", Cell::lstm, 0, 0},                  {"lstm", Cell::lstm, kPeephole | kCellClip, 0},
                           {"lstm", Cell::lstm, kCoupled | kLayerNorm, 0}, {"lstm", Cell::lstm, 0, 3},
                           {"gru", Cell::gru, 0, 0},                    {"gru", Cell::gru, kLayerNorm, 0},
                           {"gru_reset_before", Cell::gru_reset_before, 0, 0},
                           {"ligru", Cell::ligru, 0, 0},                {"ligru", Cell::ligru, kLayerNorm, 0},
                           {"mingru", Cell::mingru, 0, 0}};

inline Spec spec_of(const Kind& kind, Dtype dtype, int64_t size) {
    return {kind.cell, dtype, size + 2, size, kind.P, kind.options, 3.0, 0.0, 0.0};
}

struct Aligned {
    explicit Aligned(int64_t bytes) : data(::operator new(static_cast<size_t>(bytes + 64), std::align_val_t(64))) {}
    ~Aligned() { ::operator delete(data, std::align_val_t(64)); }
    Aligned(const Aligned&) = delete;
    Aligned& operator=(const Aligned&) = delete;
    void* data;
};

void ok(Status status) {
    if (status == Status::ok) return;
    std::printf("%s\n", message(status));
    std::exit(2);
}

template <class T>
inline T element(double value) {
    return static_cast<T>(value);
}
template <>
inline uint16_t element(double value) {
    return narrow(static_cast<float>(value));
}

template <class T>
struct Case {
    Spec spec;
    int64_t T_, B, G;
    std::mt19937 random{7};
    std::vector<T> w_ih, w_hh, b_ih, b_hh, w_hr, peephole, gain_ih, gain_hh, gain_c, shift_c, x, dy;
    std::vector<int64_t> lengths;

    std::vector<T> numbers(int64_t n, double scale) {
        std::normal_distribution<double> normal(0.0, scale);
        std::vector<T> v(static_cast<size_t>(n));
        for (T& value : v) value = element<T>(normal(random));
        return v;
    }

    Case(const Spec& given, int64_t steps, int64_t rows) : spec(given), T_(steps), B(rows) {
        G = facts_of(spec.cell).stacked(spec.options);
        const int64_t H = spec.H, R = spec.P ? spec.P : H;
        w_ih = numbers(G * H * spec.I, 0.3), w_hh = numbers(G * H * R, 0.3), b_ih = numbers(G * H, 0.3), b_hh = numbers(G * H, 0.3);
        w_hr = numbers(spec.P * H, 0.3), peephole = numbers(3 * H, 0.3), gain_ih = numbers(G * H, 1), gain_hh = numbers(G * H, 1);
        gain_c = numbers(H, 1), shift_c = numbers(H, 0.3), x = numbers(T_ * B * spec.I, 1), dy = numbers(T_ * B * R, 1);
        for (int64_t b = 0; b < B; ++b) lengths.push_back(b % 3 == 2 ? T_ / 2 : T_ - b % 2);
    }

    // y, and the gradients of x, W_ih, W_hh and b_hh, one behind the other, at the level in force.
    std::vector<double> run(int32_t threads) const {
        const int64_t H = spec.H, R = spec.P ? spec.P : H, S = [&] {
            int64_t total = 0;
            for (int64_t n : lengths) total += n;
            return total;
        }();
        Params params{w_ih.data(), w_hh.data(), b_ih.data(), b_hh.data(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
        const bool recurrent = facts_of(spec.cell).h_gates > 0;
        if (!recurrent) params.weight_hh = params.bias_hh = nullptr;
        if (spec.P) params.weight_hr = w_hr.data();
        if (spec.options & kPeephole) params.weight_peephole = peephole.data();
        if (spec.options & kLayerNorm) params.gain_ih = gain_ih.data(), params.gain_hh = gain_hh.data();
        if ((spec.options & kLayerNorm) && facts_of(spec.cell).has_c) params.gain_c = gain_c.data(), params.shift_c = shift_c.data();
        Aligned packed(packed_size(spec, true)), saved(saved_size(spec, T_, B, S, 0)), work(forward_workspace_size(spec, T_, B, false, threads));
        Aligned back(backward_workspace_size(spec, T_, B, S, 0, threads));
        ok(pack(spec, params, true, packed.data, threads));
        Sequence q{};
        q.T = T_, q.B = B, q.x = x.data(), q.x_stride_t = B * spec.I, q.x_stride_b = spec.I, q.lengths = lengths.data();
        std::vector<T> y(static_cast<size_t>(T_ * B * R)), dx(x.size()), d_ih(w_ih.size()), d_hh(w_hh.size()), db(b_hh.size());
        Forward f{};
        f.sequence = q, f.packed = packed.data, f.y = y.data(), f.y_stride_t = B * R, f.y_stride_b = R, f.saved = saved.data;
        f.workspace = work.data, f.threads = threads;
        ok(forward(spec, &f, 1));
        Backward g{};
        g.sequence = q, g.packed = packed.data, g.params = &params, g.y = y.data(), g.y_stride_t = B * R, g.y_stride_b = R, g.saved = saved.data;
        g.dy = dy.data(), g.dy_stride_t = B * R, g.dy_stride_b = R, g.dx = dx.data(), g.dx_stride_t = B * spec.I, g.dx_stride_b = spec.I;
        g.gradients.weight_ih = d_ih.data(), g.gradients.weight_hh = recurrent ? d_hh.data() : nullptr;
        (recurrent ? g.gradients.bias_hh : g.gradients.bias_ih) = db.data();
        g.workspace = back.data, g.threads = threads;
        ok(backward(spec, &g, 1));
        std::vector<double> all;
        for (const std::vector<T>* part : {&y, &dx, &d_ih, &d_hh, &db}) {
            double most = 0;
            for (T value : *part) most = std::max(most, std::fabs(static_cast<double>(widen(value))));
            for (T value : *part) all.push_back(static_cast<double>(widen(value)) / (most > 0 ? most : 1));
        }
        return all;
    }
};

}  // namespace
