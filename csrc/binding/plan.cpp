#include "plan.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "../dispatch/bf16.h"
#include "../dispatch/threads.h"

namespace unroll::binding {

std::atomic<int> active_calls{0};

namespace {

// The directions of one layer.
constexpr int64_t kMaxScans = 2;
// Far above any machine; keeps thread-count times size arithmetic from overflowing.
constexpr int64_t kMaxThreads = 4096;
// Larger sizes cannot have weights in memory; keeps size arithmetic from overflowing.
constexpr int64_t kMaxSize = int64_t{1} << 24;

constexpr int kParams = 10;
const char* const kParamNames[kParams] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "weight_peephole",
                                          "gain_ih",   "gain_hh",   "gain_c",  "shift_c"};

// Positions in the tuples that Python passes; the order is that of native.py.
enum SequenceItem { kX, kLengths, kReset, kReverse, kH0, kC0, kMaskDropout, kMaskH, kMaskC, kSequenceItems };
enum ScanItem { kParamsIn = kSequenceItems, kScanItems };
enum ForwardItem { kWeights = kSequenceItems, kY, kHn, kCn, kTraceGates, kTraceC, kSaved, kForwardItems };
enum BackwardItem {
    kPackedB = kSequenceItems, kParamsB, kYB, kSavedB, kDy, kDhn, kDcn, kDx, kDh0, kDc0, kGradients, kBackwardItems
};

bool named(Cell* cell, const std::string& name) {
#define UNROLL_CELL(known, Class) \
    if (name == #known) {         \
        *cell = Cell::known;      \
        return true;              \
    }
#include "../cells/cells.inc"
    return false;
}

PyObject* const* tuple_items(nb::handle tuple, Py_ssize_t size, const char* function) {
    if (!PyTuple_Check(tuple.ptr()) || PyTuple_GET_SIZE(tuple.ptr()) != size) {
        throw nb::type_error((std::string(function) + ": expected a tuple of " + std::to_string(size) + " items").c_str());
    }
    return &PyTuple_GET_ITEM(tuple.ptr(), 0);
}

bool same(const Spec& a, const Spec& b) {
    return a.cell == b.cell && a.dtype == b.dtype && a.I == b.I && a.H == b.H && a.P == b.P && a.options == b.options &&
           a.cell_clip == b.cell_clip && a.zoneout_h == b.zoneout_h && a.zoneout_c == b.zoneout_c;
}

std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

// Two scans of one call may share what they only read; what they write is checked over all of them.
struct Saving {
    Saved* held = nullptr;
    void* data = nullptr;
};

void* raw_saved(Arguments& arguments, PyObject* object, std::size_t bytes) {
    const View view = arguments.output(object, "saved", Kind::byte, {-1}, true);
    if (static_cast<std::size_t>(view.shape[0]) < bytes) {
        arguments.fail("saved must have at least " + std::to_string(bytes) + " bytes, got " + std::to_string(view.shape[0]));
    }
    if (bytes && reinterpret_cast<uintptr_t>(view.data) % 64 != 0) arguments.fail("saved must be aligned to 64 bytes");
    return view.data;
}

// y [T, B, R] by strides into dense rows.
void keep_rows(const Forward& call, int64_t R, int64_t element, void* to, int32_t threads) {
    const auto* from = static_cast<const char*>(call.y);
    auto* rows = static_cast<char*>(to);
    const int64_t T = call.sequence.T, B = call.sequence.B, bytes = R * element;
    const bool dense = call.y_stride_b == R;
    const auto steps = [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; ++t) {
            const char* row = from + t * call.y_stride_t * element;
            char* kept = rows + t * B * bytes;
            if (dense)
                std::memcpy(kept, row, static_cast<std::size_t>(B * bytes));
            else
                for (int64_t b = 0; b < B; ++b) std::memcpy(kept + b * bytes, row + b * call.y_stride_b * element, static_cast<std::size_t>(bytes));
        }
    };
    // Less than a megabyte is copied before a second thread has woken.
    on_threads(T * B * bytes > 1000000 ? threads : 1, [&](int64_t index, int64_t count) { steps(T * index / count, T * (index + 1) / count); });
}

}  // namespace

void check(Status status, const char* function) {
    if (status == Status::ok) return;
    throw std::runtime_error(std::string(function) + ": " + message(status));
}

std::size_t checked_size(int64_t size, const char* function) {
    if (size < 0) check(static_cast<Status>(-size), function);
    return static_cast<std::size_t>(size);
}

int32_t checked_threads(int64_t threads, const char* function) {
    if (threads < 1 || threads > kMaxThreads) {
        throw nb::value_error((std::string(function) + ": threads must lie in [1, 4096], got " + std::to_string(threads)).c_str());
    }
    return static_cast<int32_t>(threads);
}

Plan::Plan(const std::string& cell, const std::string& dtype, int64_t I, int64_t H, int64_t P, uint32_t options, double cell_clip,
           double zoneout_h, double zoneout_c)
    : spec_{Cell{}, Dtype{}, I, H, P, options, cell_clip, zoneout_h, zoneout_c} {
    if (!named(&spec_.cell, cell)) throw nb::value_error(("Plan: no native cell is called '" + cell + "'").c_str());
    if (dtype == "float32") {
        spec_.dtype = Dtype::f32;
        kind_ = Kind::f32;
    } else if (dtype == "float64") {
        spec_.dtype = Dtype::f64;
        kind_ = Kind::f64;
    } else if (dtype == "bfloat16") {
        spec_.dtype = Dtype::bf16;
        kind_ = Kind::bf16;
    } else {
        throw nb::value_error(("Plan: dtype must be float32, float64 or bfloat16, got '" + dtype + "'").c_str());
    }
    if (I < 1 || H < 1 || P < 0 || I > kMaxSize || H > kMaxSize || P > kMaxSize) {
        throw nb::value_error("Plan: I and H must lie in [1, 2**24] and P in [0, H)");
    }
    constexpr uint32_t kKnown = kPeephole | kCoupled | kLayerNorm | kCellClip | kDropout | unroll::kZoneoutH | unroll::kZoneoutC;
    if (options & ~kKnown) throw nb::value_error("Plan: options holds a bit without a meaning");
    rows_ = facts().stacked(options) * H;
    // The library's own checks of sizes and options, and whether it has this combination at all.
    checked_size(packed_size(spec_, false), "Plan");
}

template <class F>
void Plan::each_parameter(F&& f) const {
    const int64_t H = spec_.H;
    const bool norm = spec_.options & kLayerNorm;
    f(0, {rows_, spec_.I});
    const bool recurrent = facts().h_gates > 0;
    if (recurrent) f(1, {rows_, output_size()});
    f(2, {rows_});
    if (recurrent) f(3, {rows_});
    if (spec_.P) f(4, {spec_.P, H});
    if (spec_.options & kPeephole) f(5, {spec_.options & kCoupled ? 2 * H : 3 * H});
    if (norm) f(6, {rows_}), f(7, {rows_});
    if (norm && has_c()) f(8, {H}), f(9, {H});
}

Params Plan::params(Arguments& arguments, PyObject* tuple) const {
    PyObject* const* items = tuple_items(tuple, kParams, "params");
    if (facts().h_gates && (items[2] == Py_None) != (items[3] == Py_None)) arguments.fail("bias_ih and bias_hh must both be given, or neither");
    std::array<const void*, kParams> data{};
    std::array<bool, kParams> known{};
    each_parameter([&](int item, std::initializer_list<int64_t> shape) {
        known[item] = true;
        const bool bias = item == 2 || item == 3;
        if (!bias || items[item] != Py_None) data[item] = arguments.input(items[item], kParamNames[item], kind_, shape, true).data;
    });
    for (int item = 0; item < kParams; ++item)
        if (!known[item] && items[item] != Py_None) arguments.fail(std::string("this cell takes no ") + kParamNames[item]);
    return {data[0], data[1], data[2], data[3], data[4], data[5], data[6], data[7], data[8], data[9]};
}

ParamGradients Plan::gradients(Arguments& arguments, PyObject* tuple) const {
    PyObject* const* items = tuple_items(tuple, kParams, "gradients");
    std::array<void*, kParams> data{};
    std::array<bool, kParams> known{};
    each_parameter([&](int item, std::initializer_list<int64_t> shape) {
        known[item] = true;
        data[item] = arguments.optional_output(items[item], kParamNames[item], kind_, shape, true).data;
    });
    for (int item = 0; item < kParams; ++item)
        if (!known[item] && items[item] != Py_None) arguments.fail(std::string("this cell has no ") + kParamNames[item]);
    return {data[0], data[1], data[2], data[3], data[4], data[5], data[6], data[7], data[8], data[9]};
}

bool Plan::fits(nb::handle scan, bool lowest, int64_t count, bool* contiguous) const {
    PyObject* const* items = tuple_items(scan, kScanItems, "fits");
    View view;
    if (fit(items[kX], kind_, {-1, -1, lowest ? spec_.I : -1}, &view) == Fit::no) return false;
    const int64_t T = view.shape[0], B = view.shape[1];
    bool fitting = true;
    const auto look = [&](int item, Kind kind, std::initializer_list<int64_t> shape) {
        if (fitting && items[item] != Py_None) fitting = fit(items[item], kind, shape, &view) == Fit::contiguous;
    };
    if (items[kLengths] != Py_None) {
        if (fit(items[kLengths], Kind::i64, {B}, &view) != Fit::contiguous) return false;
        const auto* lengths = reinterpret_cast<const int64_t*>(view.data);
        for (int64_t b = 0; b < B; ++b) fitting = fitting && lengths[b] >= 0 && lengths[b] <= T;
    }
    look(kReset, Kind::flag, {T, B});
    look(kH0, kind_, {B, output_size()});
    look(kC0, kind_, {B, has_c() ? spec_.H : -2});
    if (items[kMaskDropout] != Py_None) {
        look(kMaskDropout, kind_, {-1, B, output_size()});
        fitting = fitting && (view.shape[0] == 1 || view.shape[0] == T);
    }
    look(kMaskH, kind_, {T, B, spec_.H});
    look(kMaskC, kind_, {T, B, spec_.H});
    PyObject* const* params = tuple_items(items[kParamsIn], kParams, "fits");
    *contiguous = true;
    int given = 0;
    each_parameter([&](int item, std::initializer_list<int64_t> shape) {
        if ((item == 2 || item == 3) && params[2] == Py_None && params[3] == Py_None) return;
        const Fit found = fitting ? fit(params[item], kind_, shape, &view) : Fit::no;
        fitting = found != Fit::no;
        *contiguous = *contiguous && found == Fit::contiguous;
        ++given;
    });
    int all = 0;
    for (int item = 0; item < kParams; ++item) all += params[item] != Py_None;
    return fitting && given == count && all == count;
}

Packed Plan::pack(nb::handle params_tuple, bool training, int64_t threads) const {
    Arguments arguments("pack");
    const Params given = params(arguments, params_tuple.ptr());
    Packed packed{Memory(checked_size(packed_size(spec_, training), "pack")), spec_, level(), training};
    const int32_t team = checked_threads(threads, "pack");
    const Active active;
    Status status;
    {
        nb::gil_scoped_release release;
        status = unroll::pack(spec_, given, training, packed.memory.data(), team);
    }
    check(status, "pack");
    return packed;
}

const Packed& Plan::checked_packed(nb::handle object, bool training, const char* function) const {
    const Packed& packed = nb::cast<const Packed&>(object);
    if (!same(packed.spec, spec_) || (training && !packed.training) || packed.level != level()) {
        check(Status::packed_mismatch, function);
    }
    return packed;
}

int64_t Plan::saved_bytes(int64_t T, int64_t B, int64_t S, int64_t recompute, bool own_y) const {
    if (T < 0 || B < 0 || S < 0 || recompute < 0) throw nb::value_error("saved_bytes: sizes must not be negative");
    const std::size_t kept = checked_size(saved_size(spec_, T, B, S, recompute), "saved_bytes");
    return static_cast<int64_t>(own_y ? rounded(kept) + y_bytes(T, B) : kept);
}

bool Plan::keeps_y() const { return bf16::widens(spec_); }

std::size_t Plan::y_bytes(int64_t T, int64_t B) const {
    return keeps_y() ? 0 : static_cast<std::size_t>(T * B * output_size() * kind_bytes(kind_));
}

// `steps`: T as the arrays have it. The scan itself is told of no steps where there are no rows, so that it does not count through them.
Sequence Plan::sequence(Arguments& arguments, PyObject* const* items, int64_t* steps, int64_t* valid_steps) const {
    Sequence s{};
    const View x = arguments.input(items[kX], "x", kind_, {-1, -1, spec_.I}, false);
    s.T = x.shape[0];
    s.B = x.shape[1];
    s.x = x.data;
    s.x_stride_t = x.stride[0];
    s.x_stride_b = x.stride[1];
    const View lengths = arguments.optional(items[kLengths], "lengths", Kind::i64, {s.B}, true);
    *valid_steps = s.T * s.B;
    if (lengths.given) {
        s.lengths = reinterpret_cast<const int64_t*>(lengths.data);
        *valid_steps = 0;
        for (int64_t b = 0; b < s.B; ++b) {
            if (s.lengths[b] < 0 || s.lengths[b] > s.T) {
                arguments.fail("lengths must lie in [0, T] = [0, " + std::to_string(s.T) + "], got " + std::to_string(s.lengths[b]));
            }
            *valid_steps += s.lengths[b];
        }
    }
    s.reset = reinterpret_cast<const uint8_t*>(arguments.optional(items[kReset], "reset", Kind::flag, {s.T, s.B}, true).data);
    if (!PyBool_Check(items[kReverse])) arguments.fail_type("reverse must be a bool");
    s.reverse = items[kReverse] == Py_True;
    s.h0 = arguments.optional(items[kH0], "h0", kind_, {s.B, output_size()}, true).data;
    if (!has_c() && items[kC0] != Py_None) arguments.fail("only a cell with a memory has c0");
    s.c0 = arguments.optional(items[kC0], "c0", kind_, {s.B, spec_.H}, true).data;
    const auto noise = [&](SequenceItem item, const char* name, uint32_t option, int64_t steps, int64_t size) -> const void* {
        if (items[item] == Py_None) return nullptr;
        if (!(spec_.options & option)) arguments.fail(std::string("this plan has no ") + name);
        return arguments.input(items[item], name, kind_, {steps, s.B, size}, true).data;
    };
    if (items[kMaskDropout] != Py_None) {
        const View mask = arguments.input(items[kMaskDropout], "dropout", kind_, {-1, s.B, output_size()}, true);
        if (!(spec_.options & kDropout)) arguments.fail("this plan has no dropout");
        if (mask.shape[0] != 1 && mask.shape[0] != s.T) {
            arguments.fail("dropout must have T = " + std::to_string(s.T) + " steps or one, got " + std::to_string(mask.shape[0]));
        }
        s.noise.dropout = mask.data;
        s.noise.dropout_steps = mask.shape[0];
    } else if (spec_.options & kDropout) {
        arguments.fail("dropout is missing");
    }
    s.noise.zoneout_h = noise(kMaskH, "zoneout_h", unroll::kZoneoutH, s.T, spec_.H);
    s.noise.zoneout_c = noise(kMaskC, "zoneout_c", unroll::kZoneoutC, s.T, spec_.H);
    *steps = s.T;
    if (s.B == 0) s.T = 0;
    return s;
}

nb::object Plan::forward(nb::tuple scans, int64_t recompute, int64_t threads, bool own_y) const {
    const auto count = static_cast<int64_t>(nb::len(scans));
    if (count < 1 || count > kMaxScans) throw nb::value_error("forward: expected one or two scans");
    if (recompute < 0) throw nb::value_error("forward: recompute must not be negative");
    const int32_t team = checked_threads(threads, "forward");
    Arguments arguments("forward");
    std::array<Forward, kMaxScans> calls{};
    std::array<Params, kMaxScans> params_given{};
    std::array<std::size_t, kMaxScans> pack_bytes{};
    std::array<std::size_t, kMaxScans> workspace_bytes{};
    std::array<void*, kMaxScans> own{};
    std::size_t pack_total = 0;
    std::size_t workspace_total = 0;
    nb::list kept;
    for (int64_t i = 0; i < count; ++i) {
        PyObject* const* items = tuple_items(scans[static_cast<std::size_t>(i)], kForwardItems, "forward");
        Forward& call = calls[i];
        int64_t T = 0;
        int64_t valid = 0;
        call.sequence = sequence(arguments, items, &T, &valid);
        const int64_t B = call.sequence.B;
        call.recompute = std::min(recompute, std::max<int64_t>(call.sequence.T, 1));
        call.threads = team;
        const bool training = items[kSaved] != Py_None;
        if (nb::isinstance<Packed>(items[kWeights])) {
            call.packed = checked_packed(items[kWeights], false, "forward").memory.data();
        } else {
            params_given[i] = params(arguments, items[kWeights]);
            pack_bytes[i] = rounded(checked_size(packed_size(spec_, false), "forward"));
            pack_total += pack_bytes[i];
        }
        const View y = arguments.output(items[kY], "y", kind_, {T, B, output_size()}, false);
        call.y = y.data;
        call.y_stride_t = y.stride[0];
        call.y_stride_b = y.stride[1];
        call.h_n = arguments.optional_output(items[kHn], "h_n", kind_, {B, output_size()}, true).data;
        if (!has_c() && (items[kCn] != Py_None || items[kTraceC] != Py_None)) arguments.fail("only a cell with a memory has c");
        call.c_n = arguments.optional_output(items[kCn], "c_n", kind_, {B, spec_.H}, true).data;
        if (!traced_gates() && items[kTraceGates] != Py_None) arguments.fail("this cell has no gates");
        call.trace_gates = arguments.optional_output(items[kTraceGates], "gates", kind_, {T, B, traced_gates(), spec_.H}, true).data;
        call.trace_c = arguments.optional_output(items[kTraceC], "c", kind_, {T, B, spec_.H}, true).data;
        if (training) {
            const auto bytes = static_cast<std::size_t>(saved_bytes(call.sequence.T, B, valid, call.recompute, own_y));
            if (items[kSaved] == Py_True) {
                nb::object object = nb::cast(Saved{Memory(bytes), level(), T, B, valid, call.recompute, own_y});
                call.saved = nb::inst_ptr<Saved>(object)->memory.data();
                kept.append(object);
            } else {
                call.saved = raw_saved(arguments, items[kSaved], bytes);
            }
            if (own_y && !keeps_y()) own[i] = static_cast<char*>(call.saved) + (bytes - y_bytes(call.sequence.T, B));
        }
        const bool trace = call.trace_gates || call.trace_c;
        workspace_bytes[i] = rounded(checked_size(forward_workspace_size(spec_, call.sequence.T, B, trace, team), "forward"));
        workspace_total += workspace_bytes[i];
    }
    arguments.check_overlap();
    const Scratch pack_scratch(0, pack_total);
    const Scratch workspace_scratch(1, workspace_total);
    const Active active;
    Status status = Status::ok;
    {
        nb::gil_scoped_release release;
        char* packed = static_cast<char*>(pack_scratch.data());
        char* workspace = static_cast<char*>(workspace_scratch.data());
        for (int64_t i = 0; i < count && status == Status::ok; ++i) {
            if (!calls[i].packed) {
                status = unroll::pack(spec_, params_given[i], false, packed, team);
                calls[i].packed = packed;
                packed += pack_bytes[i];
            }
            calls[i].workspace = workspace;
            workspace += workspace_bytes[i];
        }
        if (status == Status::ok) status = unroll::forward(spec_, calls.data(), count);
        for (int64_t i = 0; i < count && status == Status::ok; ++i)
            if (own[i]) keep_rows(calls[i], output_size(), kind_bytes(kind_), own[i], team);
    }
    check(status, "forward");
    return std::move(kept);
}

void Plan::backward(nb::tuple scans, int64_t recompute, int64_t threads) const {
    const auto count = static_cast<int64_t>(nb::len(scans));
    if (count < 1 || count > kMaxScans) throw nb::value_error("backward: expected one or two scans");
    if (recompute < 0) throw nb::value_error("backward: recompute must not be negative");
    const int32_t team = checked_threads(threads, "backward");
    Arguments arguments("backward");
    std::array<Backward, kMaxScans> calls{};
    std::array<Params, kMaxScans> params_given{};
    std::array<std::size_t, kMaxScans> pack_bytes{};
    std::array<std::size_t, kMaxScans> workspace_bytes{};
    std::array<Saved*, kMaxScans> saved{};
    std::size_t pack_total = 0;
    std::size_t workspace_total = 0;
    for (int64_t i = 0; i < count; ++i) {
        PyObject* const* items = tuple_items(scans[static_cast<std::size_t>(i)], kBackwardItems, "backward");
        Backward& call = calls[i];
        int64_t T = 0;
        int64_t valid = 0;
        call.sequence = sequence(arguments, items, &T, &valid);
        const int64_t B = call.sequence.B;
        const int64_t R = output_size();
        call.recompute = std::min(recompute, std::max<int64_t>(call.sequence.T, 1));
        call.threads = team;
        params_given[i] = params(arguments, items[kParamsB]);
        call.params = &params_given[i];
        if (items[kPackedB] == Py_None) {
            pack_bytes[i] = rounded(checked_size(packed_size(spec_, true), "backward"));
            pack_total += pack_bytes[i];
        } else {
            call.packed = checked_packed(items[kPackedB], true, "backward").memory.data();
        }
        const bool own_y = items[kYB] == Py_None;
        const auto bytes = static_cast<std::size_t>(saved_bytes(call.sequence.T, B, valid, call.recompute, own_y));
        if (nb::isinstance<Saved>(items[kSavedB])) {
            Saved* held = nb::inst_ptr<Saved>(items[kSavedB]);
            if (held->consumed) arguments.fail("saved was used by an earlier backward pass");
            for (int64_t j = 0; j < i; ++j)
                if (saved[j] == held) arguments.fail("two scans share what was saved");
            if ((own_y && !held->own_y) || held->level != level() || held->T != T || held->B != B || held->S != valid || held->recompute != call.recompute ||
                held->memory.bytes() < bytes) {
                arguments.fail("saved comes from another forward pass");
            }
            saved[i] = held;
            call.saved = held->memory.data();
        } else {
            call.saved = raw_saved(arguments, items[kSavedB], bytes);
        }
        if (own_y) {
            call.y = static_cast<const char*>(call.saved) + (bytes - y_bytes(call.sequence.T, B));
            call.y_stride_t = B * R;
            call.y_stride_b = R;
        } else {
            const View y = arguments.input(items[kYB], "y", kind_, {T, B, R}, false);
            call.y = y.data;
            call.y_stride_t = y.stride[0];
            call.y_stride_b = y.stride[1];
        }
        const View dy = arguments.optional(items[kDy], "dy", kind_, {T, B, R}, false);
        call.dy = dy.data;
        call.dy_stride_t = dy.stride[0];
        call.dy_stride_b = dy.stride[1];
        call.dh_n = arguments.optional(items[kDhn], "dh_n", kind_, {B, R}, true).data;
        if (!has_c() && (items[kDcn] != Py_None || items[kDc0] != Py_None)) arguments.fail("only a cell with a memory has c");
        call.dc_n = arguments.optional(items[kDcn], "dc_n", kind_, {B, spec_.H}, true).data;
        const View dx = arguments.optional_output(items[kDx], "dx", kind_, {T, B, spec_.I}, false);
        call.dx = dx.data;
        call.dx_stride_t = dx.stride[0];
        call.dx_stride_b = dx.stride[1];
        call.dh0 = arguments.optional_output(items[kDh0], "dh0", kind_, {B, R}, true).data;
        call.dc0 = arguments.optional_output(items[kDc0], "dc0", kind_, {B, spec_.H}, true).data;
        call.gradients = gradients(arguments, items[kGradients]);
        workspace_bytes[i] = rounded(checked_size(backward_workspace_size(spec_, call.sequence.T, B, valid, call.recompute, team), "backward"));
        workspace_total += workspace_bytes[i];
    }
    arguments.check_overlap();
    const Scratch pack_scratch(0, pack_total);
    const Scratch workspace_scratch(1, workspace_total);
    for (Saved* held : saved)
        if (held) held->consumed = true;
    const Active active;
    Status status = Status::ok;
    {
        nb::gil_scoped_release release;
        char* packed = static_cast<char*>(pack_scratch.data());
        char* workspace = static_cast<char*>(workspace_scratch.data());
        for (int64_t i = 0; i < count && status == Status::ok; ++i) {
            if (!calls[i].packed) {
                status = unroll::pack(spec_, params_given[i], true, packed, team);
                calls[i].packed = packed;
                packed += pack_bytes[i];
            }
            calls[i].workspace = workspace;
            workspace += workspace_bytes[i];
        }
        if (status == Status::ok) status = unroll::backward(spec_, calls.data(), count);
    }
    check(status, "backward");
    // The memory is worth more to the next forward pass than to the graph that may still hold this object.
    for (Saved* held : saved)
        if (held) held->memory = Memory();
}

}  // namespace unroll::binding
