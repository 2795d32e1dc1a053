#include "bf16.h"

#include <cstring>

#include "../scan/layout.h"
#include "../simd/bfloat16.h"
#include "kernels.h"
#include "threads.h"

namespace unroll {
namespace bf16 {
namespace {

constexpr uint64_t kMagic = 0x62663136756e726f;  // "bf16unro"

struct Carver {
    char* base;
    int64_t used = 0;
    char* bytes(int64_t n) {
        char* here = base ? base + used : nullptr;
        used += round_up(n > 0 ? n : 1, kAlign);
        return here;
    }
    float* floats(int64_t n) { return reinterpret_cast<float*>(bytes(n * 4)); }
};

Spec wide(const Spec& spec) {
    Spec s = spec;
    s.dtype = Dtype::f32;
    return s;
}

int64_t stacked(const Spec& spec) {
    return facts_of(spec.cell).stacked(spec.options) * spec.H;
}

// Every parameter of the Spec with its element count; f(member of Params, member of ParamGradients, count).
template <class F>
void each_parameter(const Spec& spec, F&& f) {
    const int64_t rows = stacked(spec), R = spec.P ? spec.P : spec.H;
    f(&Params::weight_ih, &ParamGradients::weight_ih, rows * spec.I);
    const bool recurrent = facts_of(spec.cell).h_gates > 0;
    if (recurrent) f(&Params::weight_hh, &ParamGradients::weight_hh, rows * R);
    f(&Params::bias_ih, &ParamGradients::bias_ih, rows);
    if (recurrent) f(&Params::bias_hh, &ParamGradients::bias_hh, rows);
    if (spec.P) f(&Params::weight_hr, &ParamGradients::weight_hr, spec.P * spec.H);
    if (spec.options & kPeephole) f(&Params::weight_peephole, &ParamGradients::weight_peephole, rows - spec.H);
    if (spec.options & kLayerNorm) {
        f(&Params::gain_ih, &ParamGradients::gain_ih, rows);
        f(&Params::gain_hh, &ParamGradients::gain_hh, rows);
        if (facts_of(spec.cell).has_c) {
            f(&Params::gain_c, &ParamGradients::gain_c, spec.H);
            f(&Params::shift_c, &ParamGradients::shift_c, spec.H);
        }
    }
}

int64_t parameter_count(const Spec& spec) {
    int64_t n = 0;
    each_parameter(spec, [&](auto, auto, int64_t count) { n += round_up(count, 16); });
    return n;
}

float* widen_all(Carver& carver, const void* from, int64_t n) {
    float* to = carver.floats(n);
    if (!from) return nullptr;
    if (carver.base) put_row(static_cast<const uint16_t*>(from), n, to);
    return to;
}

// f(t) for every step, on several threads where rows of n values are many enough to be worth it.
template <class F>
void on_steps(const Sequence& q, int64_t n, int32_t threads, const F& f) {
    on_threads(q.T * q.B * n > 100000 ? threads : 1, [&](int64_t index, int64_t count) {
        for (int64_t t = q.T * index / count; t < q.T * (index + 1) / count; ++t) f(t);
    });
}

// [T, B, n] by strides -> dense floats; rows past their length are left as they are.
float* widen_steps(Carver& carver, const Sequence& q, const void* from, int64_t stride_t, int64_t stride_b, int64_t n, int32_t threads) {
    float* to = carver.floats(q.T * q.B * n);
    if (!carver.base || !from) return from ? to : nullptr;
    on_steps(q, n, threads, [&](int64_t t) {
        for (int64_t b = 0; b < q.B; ++b)
            if (!q.lengths || t < q.lengths[b])
                put_row(static_cast<const uint16_t*>(from) + t * stride_t + b * stride_b, n, to + (t * q.B + b) * n);
    });
    return to;
}

void narrow_steps(const Sequence& q, const float* from, int64_t n, void* to, int64_t stride_t, int64_t stride_b, int32_t threads) {
    on_steps(q, n, threads, [&](int64_t t) {
        for (int64_t b = 0; b < q.B; ++b)
            put_row(from + (t * q.B + b) * n, n, static_cast<uint16_t*>(to) + t * stride_t + b * stride_b);
    });
}

struct Sizes {
    int64_t R, H, I;
    explicit Sizes(const Spec& spec) : R(spec.P ? spec.P : spec.H), H(spec.H), I(spec.I) {}
};

// The inputs of a scan as floats. Without memory (a size query) every input is taken to be there.
Sequence widen_sequence(Carver& carver, const Spec& spec, const Sequence& q, int32_t threads) {
    const Sizes z(spec);
    Sequence w = q;
    w.x = widen_steps(carver, q, q.x, q.x_stride_t, q.x_stride_b, z.I, threads);
    w.x_stride_t = q.B * z.I;
    w.x_stride_b = z.I;
    w.h0 = widen_all(carver, q.h0, q.B * z.R);
    w.c0 = widen_all(carver, q.c0, q.B * z.H);
    const int64_t dropout_steps = q.noise.dropout ? q.noise.dropout_steps : carver.base ? 0 : (spec.options & kDropout) ? q.T : 0;
    w.noise.dropout = widen_all(carver, q.noise.dropout, dropout_steps * q.B * z.R);
    w.noise.zoneout_h = widen_all(carver, q.noise.zoneout_h, (spec.options & kZoneoutH) ? q.T * q.B * z.H : 0);
    w.noise.zoneout_c = widen_all(carver, q.noise.zoneout_c, (spec.options & kZoneoutC) ? q.T * q.B * z.H : 0);
    return w;
}

Sequence empty_sequence(int64_t T, int64_t B) {
    Sequence q{};
    q.T = T;
    q.B = B;
    return q;
}

const void* inner_packed(const void* packed) { return static_cast<const char*>(packed) + kAlign; }

Status check_packed(const void* packed) {
    if (!packed) return Status::missing_pointer;
    return *static_cast<const uint64_t*>(packed) == kMagic ? Status::ok : Status::packed_mismatch;
}

struct ForwardMemory {
    Sequence sequence;
    float *y, *h_n, *c_n, *trace_gates, *trace_c;
    char* workspace;
};

ForwardMemory carve_forward(Carver& carver, const Spec& spec, const Sequence& q, bool trace, int32_t threads) {
    const Sizes z(spec);
    ForwardMemory m;
    m.workspace = carver.bytes(unroll::forward_workspace_size(wide(spec), q.T, q.B, trace, threads));
    m.h_n = carver.floats(q.B * z.R);
    m.c_n = carver.floats(q.B * z.H);
    m.y = carver.floats(q.T * q.B * z.R);
    m.trace_gates = carver.floats(trace ? q.T * q.B * 4 * z.H : 0);
    m.trace_c = carver.floats(trace ? q.T * q.B * z.H : 0);
    m.sequence = widen_sequence(carver, spec, q, threads);
    return m;
}

struct BackwardMemory {
    Sequence sequence;
    float *dy, *dx, *dh_n, *dc_n, *dh0, *dc0, *gradients;
    char* workspace;
};

BackwardMemory carve_backward(Carver& carver, const Spec& spec, const Sequence& q, int64_t S, int64_t recompute, int32_t threads) {
    const Sizes z(spec);
    BackwardMemory m;
    m.workspace = carver.bytes(unroll::backward_workspace_size(wide(spec), q.T, q.B, S, recompute, threads));
    m.dy = carver.floats(q.T * q.B * z.R);
    m.dx = carver.floats(q.T * q.B * z.I);
    m.dh_n = carver.floats(q.B * z.R);
    m.dc_n = carver.floats(q.B * z.H);
    m.dh0 = carver.floats(q.B * z.R);
    m.dc0 = carver.floats(q.B * z.H);
    m.gradients = carver.floats(parameter_count(spec));
    m.sequence = widen_sequence(carver, spec, q, threads);
    return m;
}

// forward keeps its unrounded y in front of the saved steps: the state of every step as backward needs it.
int64_t saved_y_bytes(const Spec& spec, int64_t T, int64_t B) { return round_up(T * B * Sizes(spec).R * 4 + 1, kAlign); }

constexpr int64_t kMaxScans = 8;

}  // namespace

bool widens(const Spec& spec) {
    if (spec.dtype != Dtype::bf16) return false;
    const TypeKernels& pairs = kernels().bf16;
    return !pairs.lanes || spec.options || spec.P || !pairs.forward[static_cast<int>(spec.cell)];
}

int64_t packed_size(const Spec& spec, bool training) {
    const int64_t inner = unroll::packed_size(wide(spec), training);
    return inner < 0 ? inner : kAlign + round_up(inner, kAlign) + parameter_count(spec) * 4;
}

Status pack(const Spec& spec, const Params& params, bool training, void* packed, int32_t threads) {
    const int64_t inner = unroll::packed_size(wide(spec), training);
    if (inner < 0) return static_cast<Status>(-inner);
    if (!packed) return Status::missing_pointer;
    std::memset(packed, 0, kAlign);
    std::memcpy(packed, &kMagic, sizeof kMagic);
    float* at = reinterpret_cast<float*>(static_cast<char*>(packed) + kAlign + round_up(inner, kAlign));
    Params wide_params{};
    each_parameter(spec, [&](auto member, auto, int64_t count) {
        if (!(params.*member)) return;
        put_row(static_cast<const uint16_t*>(params.*member), count, at);
        wide_params.*member = at;
        at += round_up(count, 16);
    });
    return unroll::pack(wide(spec), wide_params, training, static_cast<char*>(packed) + kAlign, threads);
}

int64_t saved_size(const Spec& spec, int64_t T, int64_t B, int64_t S, int64_t recompute) {
    const int64_t inner = unroll::saved_size(wide(spec), T, B, S, recompute);
    return inner < 0 ? inner : inner + saved_y_bytes(spec, T, B);
}

int64_t forward_workspace_size(const Spec& spec, int64_t T, int64_t B, bool trace, int32_t threads) {
    const int64_t inner = unroll::forward_workspace_size(wide(spec), T, B, trace, threads);
    if (inner < 0) return inner;
    Carver carver{nullptr};
    carve_forward(carver, spec, empty_sequence(T, B), trace, threads);
    return carver.used;
}

Status forward(const Spec& spec, const Forward* scans, int64_t count) {
    if (count < 1 || count > kMaxScans) return Status::bad_size;
    const Sizes z(spec);
    Forward inner[kMaxScans];
    for (int64_t i = 0; i < count; ++i) {
        const Forward& a = scans[i];
        const Status status = check_packed(a.packed);
        if (status != Status::ok) return status;
        if (!a.workspace || (!a.y && a.sequence.T && a.sequence.B)) return Status::missing_pointer;
        const Sequence& q = a.sequence;
        for (int64_t b = 0; q.lengths && b < q.B; ++b)
            if (q.lengths[b] < 0 || q.lengths[b] > q.T) return Status::bad_length;
        Carver carver{static_cast<char*>(a.workspace)};
        const ForwardMemory m = carve_forward(carver, spec, q, a.trace_gates || a.trace_c, a.threads);
        inner[i] = a;
        inner[i].sequence = m.sequence;
        inner[i].packed = inner_packed(a.packed);
        inner[i].y = a.saved ? static_cast<float*>(a.saved) : m.y;
        inner[i].y_stride_t = q.B * z.R;
        inner[i].y_stride_b = z.R;
        inner[i].h_n = a.h_n ? m.h_n : nullptr;
        inner[i].c_n = a.c_n ? m.c_n : nullptr;
        inner[i].trace_gates = a.trace_gates ? m.trace_gates : nullptr;
        inner[i].trace_c = a.trace_c ? m.trace_c : nullptr;
        inner[i].saved = a.saved ? static_cast<char*>(a.saved) + saved_y_bytes(spec, q.T, q.B) : nullptr;
        inner[i].workspace = m.workspace;
    }
    const Status status = unroll::forward(wide(spec), inner, count);
    if (status != Status::ok) return status;
    const int64_t gates = facts_of(spec.cell).traced;
    for (int64_t i = 0; i < count; ++i) {
        const Forward& a = scans[i];
        const Sequence& q = a.sequence;
        narrow_steps(q, static_cast<const float*>(inner[i].y), z.R, a.y, a.y_stride_t, a.y_stride_b, a.threads);
        if (a.h_n) put_row(static_cast<const float*>(inner[i].h_n), q.B * z.R, static_cast<uint16_t*>(a.h_n));
        if (a.c_n) put_row(static_cast<const float*>(inner[i].c_n), q.B * z.H, static_cast<uint16_t*>(a.c_n));
        if (a.trace_gates)
            put_row(static_cast<const float*>(inner[i].trace_gates), q.T * q.B * gates * z.H, static_cast<uint16_t*>(a.trace_gates));
        if (a.trace_c) put_row(static_cast<const float*>(inner[i].trace_c), q.T * q.B * z.H, static_cast<uint16_t*>(a.trace_c));
    }
    return Status::ok;
}

int64_t backward_workspace_size(const Spec& spec, int64_t T, int64_t B, int64_t S, int64_t recompute, int32_t threads) {
    const int64_t inner = unroll::backward_workspace_size(wide(spec), T, B, S, recompute, threads);
    if (inner < 0) return inner;
    Carver carver{nullptr};
    carve_backward(carver, spec, empty_sequence(T, B), S, recompute, threads);
    return carver.used;
}

Status backward(const Spec& spec, const Backward* scans, int64_t count) {
    if (count < 1 || count > kMaxScans) return Status::bad_size;
    const Sizes z(spec);
    Backward inner[kMaxScans];
    for (int64_t i = 0; i < count; ++i) {
        const Backward& a = scans[i];
        const Status status = check_packed(a.packed);
        if (status != Status::ok) return status;
        if (!a.workspace || !a.saved) return Status::missing_pointer;
        const Sequence& q = a.sequence;
        int64_t S = q.lengths ? 0 : q.T * q.B;
        for (int64_t b = 0; q.lengths && b < q.B; ++b) {
            if (q.lengths[b] < 0 || q.lengths[b] > q.T) return Status::bad_length;
            S += q.lengths[b];
        }
        Carver carver{static_cast<char*>(a.workspace)};
        const BackwardMemory m = carve_backward(carver, spec, q, S, a.recompute, a.threads);
        inner[i] = a;
        inner[i].sequence = m.sequence;
        inner[i].packed = inner_packed(a.packed);
        inner[i].y = a.saved;
        inner[i].y_stride_t = q.B * z.R;
        inner[i].y_stride_b = z.R;
        inner[i].saved = static_cast<char*>(a.saved) + saved_y_bytes(spec, q.T, q.B);
        Carver dy{reinterpret_cast<char*>(m.dy)}, dh_n{reinterpret_cast<char*>(m.dh_n)}, dc_n{reinterpret_cast<char*>(m.dc_n)};
        inner[i].dy = widen_steps(dy, q, a.dy, a.dy_stride_t, a.dy_stride_b, z.R, a.threads);
        inner[i].dy_stride_t = q.B * z.R;
        inner[i].dy_stride_b = z.R;
        inner[i].dh_n = widen_all(dh_n, a.dh_n, q.B * z.R);
        inner[i].dc_n = widen_all(dc_n, a.dc_n, q.B * z.H);
        inner[i].dx = a.dx ? m.dx : nullptr;
        inner[i].dx_stride_t = q.B * z.I;
        inner[i].dx_stride_b = z.I;
        inner[i].dh0 = a.dh0 ? m.dh0 : nullptr;
        inner[i].dc0 = a.dc0 ? m.dc0 : nullptr;
        inner[i].workspace = m.workspace;
        float* at = m.gradients;
        each_parameter(spec, [&](auto, auto member, int64_t n) {
            if (!(a.gradients.*member)) return;
            inner[i].gradients.*member = at;
            at += round_up(n, 16);
        });
    }
    const Status status = unroll::backward(wide(spec), inner, count);
    if (status != Status::ok) return status;
    for (int64_t i = 0; i < count; ++i) {
        const Backward& a = scans[i];
        const Sequence& q = a.sequence;
        if (a.dx) narrow_steps(q, static_cast<const float*>(inner[i].dx), z.I, a.dx, a.dx_stride_t, a.dx_stride_b, a.threads);
        if (a.dh0) put_row(static_cast<const float*>(inner[i].dh0), q.B * z.R, static_cast<uint16_t*>(a.dh0));
        if (a.dc0) put_row(static_cast<const float*>(inner[i].dc0), q.B * z.H, static_cast<uint16_t*>(a.dc0));
        each_parameter(spec, [&](auto, auto member, int64_t n) {
            if (a.gradients.*member) put_row(static_cast<const float*>(inner[i].gradients.*member), n, static_cast<uint16_t*>(a.gradients.*member));
        });
    }
    return Status::ok;
}

namespace {

struct StepMemory {
    char* workspace;
    float *x, *h, *c;
};

StepMemory carve_step(Carver& carver, const Spec& spec, int64_t B) {
    StepMemory m;
    m.workspace = carver.bytes(unroll::step_workspace_size(wide(spec), B));
    m.x = carver.floats(B * spec.I);
    m.h = carver.floats(B * Sizes(spec).R);
    m.c = carver.floats(B * spec.H);
    return m;
}

}  // namespace

int64_t step_workspace_size(const Spec& spec, int64_t B) {
    const int64_t inner = unroll::step_workspace_size(wide(spec), B);
    if (inner < 0) return inner;
    Carver carver{nullptr};
    carve_step(carver, spec, B);
    return carver.used;
}

Status step(const Spec& spec, const Step& a) {
    Status status = check_packed(a.packed);
    if (status != Status::ok) return status;
    const Sizes z(spec);
    Carver carver{static_cast<char*>(a.workspace)};
    const StepMemory m = carve_step(carver, spec, a.B);
    for (int64_t b = 0; b < a.B; ++b) put_row(static_cast<const uint16_t*>(a.x) + b * a.x_stride_b, z.I, m.x + b * z.I);
    put_row(static_cast<const uint16_t*>(a.h), a.B * z.R, m.h);
    if (a.c) put_row(static_cast<const uint16_t*>(a.c), a.B * z.H, m.c);
    Step inner{a.B, inner_packed(a.packed), m.x, z.I, m.h, a.c ? m.c : nullptr, m.h, a.c_next ? m.c : nullptr, m.workspace};
    if ((status = unroll::step(wide(spec), inner)) != Status::ok) return status;
    put_row(m.h, a.B * z.R, static_cast<uint16_t*>(a.h_next));
    if (a.c_next) put_row(m.c, a.B * z.H, static_cast<uint16_t*>(a.c_next));
    return Status::ok;
}

}  // namespace bf16
}  // namespace unroll
