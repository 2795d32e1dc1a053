#include <cstring>

#include "numpy.h"
#include "plan.h"

namespace unroll::binding {
namespace {

void copy_rows(const void* from, void* to, std::size_t bytes) {
    if (bytes) std::memcpy(to, from, bytes);
}

}  // namespace

Stepper::Stepper(const Plan& plan, nb::handle params, int64_t streams)
    : plan_(plan), packed_(plan.pack(params, false, 1)), B_(streams) {
    if (streams < 1 || streams > (int64_t{1} << 24)) throw nb::value_error("Stepper: streams must lie in [1, 2**24]");
    const auto element = static_cast<std::size_t>(kind_bytes(plan.kind()));
    h_row_ = static_cast<std::size_t>(plan.output_size()) * element;
    c_row_ = plan.has_c() ? static_cast<std::size_t>(plan.spec().H) * element : 0;
    h_ = Memory(h_row_ * static_cast<std::size_t>(streams));
    c_ = Memory(c_row_ * static_cast<std::size_t>(streams));
    workspace_ = Memory(checked_size(step_workspace_size(plan.spec(), streams), "Stepper"));
    reset(nb::none());
}

nb::object Stepper::step(nb::handle x, nb::handle out) {
    Arguments arguments("step");
    const int64_t width = plan_.output_size();
    // No other thread runs before the step is done, so arrays need no locking.
    const auto open = [&](nb::handle object, const char* name) {
        View view;
        return view_numpy(object.ptr(), &view) ? view : arguments.open(object.ptr(), name);
    };
    // One stream may leave its axis out.
    const auto with_streams = [&](View view) {
        if (view.axes != 1 || B_ != 1) return view;
        view.shape = {1, view.shape[0], 0, 0};
        view.stride = {view.shape[1], view.stride[0], 0, 0};
        view.axes = 2;
        return view;
    };
    const auto fits = [&](const View& view, const char* name, int64_t size) {
        if (view.axes != 2 || view.shape[0] != B_ || view.shape[1] != size) {
            arguments.fail(std::string(name) + " must have shape (" + std::to_string(B_) + ", " + std::to_string(size) + "), got " +
                           shape_text(view));
        }
        if (view.kind != plan_.kind()) {
            arguments.fail(std::string(name) + " must be " + kind_name(plan_.kind()) + ", got " + kind_name(view.kind));
        }
        if (size > 1 && view.stride[1] != 1) arguments.fail(std::string(name) + " must be contiguous along its last axis");
        if (reinterpret_cast<uintptr_t>(view.data) % static_cast<uintptr_t>(kind_bytes(view.kind)) != 0) {
            arguments.fail(std::string(name) + " is not aligned to its elements");
        }
    };
    const View given = open(x, "x"), in = with_streams(given);
    fits(in, "x", plan_.spec().I);
    View y;
    nb::object result = nb::borrow(out);
    if (out.is_none()) {
        result = nb::steal(given.axes == 1 ? new_numpy(in.kind, {width}, &y) : new_numpy(in.kind, {B_, width}, &y));
        if (!result.is_valid()) {
            if (PyErr_Occurred()) throw nb::python_error();
            arguments.fail_type("out must be given");
        }
    } else {
        y = open(out, "out");
    }
    y = with_streams(y);
    fits(y, "out", width);
    if (!y.writable) arguments.fail("out is read-only");
    if (B_ > 1 && y.stride[0] < width) arguments.fail("out overlaps itself");
    const Step call{B_, packed_.memory.data(), in.data, in.stride[0], h_.data(), c_row_ ? c_.data() : nullptr,
                    h_.data(), c_row_ ? c_.data() : nullptr, workspace_.data()};
    check(unroll::step(plan_.spec(), call), "step");
    const auto* h = static_cast<const char*>(h_.data());
    const int64_t pitch = y.stride[0] * kind_bytes(y.kind);
    // Copied after the step is done, so `out` may be `x` itself.
    for (int64_t b = 0; b < B_; ++b) copy_rows(h + static_cast<std::size_t>(b) * h_row_, y.data + b * pitch, h_row_);
    return result;
}

void Stepper::get_state(nb::handle h, nb::handle c) const {
    Arguments arguments("get_state");
    const View to_h = arguments.output(h.ptr(), "h", plan_.kind(), {B_, plan_.output_size()}, true);
    View to_c;
    if (c_row_) {
        to_c = arguments.output(c.ptr(), "c", plan_.kind(), {B_, plan_.spec().H}, true);
    } else if (!c.is_none()) {
        arguments.fail("only an LSTM has c");
    }
    arguments.check_overlap();
    copy_rows(h_.data(), to_h.data, h_.bytes());
    copy_rows(c_.data(), to_c.data, c_.bytes());
}

void Stepper::set_state(nb::handle h, nb::handle c) {
    Arguments arguments("set_state");
    const View from_h = arguments.input(h.ptr(), "h", plan_.kind(), {B_, plan_.output_size()}, true);
    View from_c;
    if (c_row_) {
        from_c = arguments.input(c.ptr(), "c", plan_.kind(), {B_, plan_.spec().H}, true);
    } else if (!c.is_none()) {
        arguments.fail("only an LSTM has c");
    }
    copy_rows(from_h.data, h_.data(), h_.bytes());
    copy_rows(from_c.data, c_.data(), c_.bytes());
}

void Stepper::reset(nb::handle rows) {
    if (rows.is_none()) {
        std::memset(h_.data(), 0, h_.bytes());
        if (c_row_) std::memset(c_.data(), 0, c_.bytes());
        return;
    }
    Arguments arguments("reset");
    const View flags = arguments.input(rows.ptr(), "rows", Kind::flag, {B_}, true);
    for (int64_t b = 0; b < B_; ++b) {
        if (!flags.data[b]) continue;
        const auto row = static_cast<std::size_t>(b);
        std::memset(static_cast<char*>(h_.data()) + row * h_row_, 0, h_row_);
        if (c_row_) std::memset(static_cast<char*>(c_.data()) + row * c_row_, 0, c_row_);
    }
}

}  // namespace unroll::binding
