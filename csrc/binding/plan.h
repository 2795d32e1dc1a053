// A Spec with the shapes that follow from it, packed weights and saved activations as Python holds them.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "../scan/facts.h"
#include "memory.h"
#include "view.h"

namespace unroll::binding {

namespace nb = nanobind;

// Calls that are inside the library now. The level must not change under them.
extern std::atomic<int> active_calls;

class Active {
public:
    Active() { ++active_calls; }
    ~Active() { --active_calls; }
    Active(const Active&) = delete;
    Active& operator=(const Active&) = delete;
};

// Throws RuntimeError unless the status is ok.
void check(Status status, const char* function);
// The same for functions that give a size or -Status.
std::size_t checked_size(int64_t size, const char* function);
int32_t checked_threads(int64_t threads, const char* function);

// What a forward pass kept, and for which shapes: it fits no other backward pass.
struct Saved {
    Memory memory;
    Level level;
    int64_t T;
    int64_t B;
    int64_t S;
    int64_t recompute;
    bool own_y;  // y lies behind what the kernels kept, so that the caller's may change before backward
    bool consumed = false;
};

class Plan;

struct Packed {
    Memory memory;
    Spec spec;
    Level level;
    bool training;
};

class Plan {
public:
    Plan(const std::string& cell, const std::string& dtype, int64_t I, int64_t H, int64_t P, uint32_t options, double cell_clip,
         double zoneout_h, double zoneout_c);

    const Spec& spec() const { return spec_; }
    Kind kind() const { return kind_; }
    const CellFacts& facts() const { return facts_of(spec_.cell); }
    bool has_c() const { return facts().has_c; }
    int64_t output_size() const { return spec_.P ? spec_.P : spec_.H; }
    int64_t rows() const { return rows_; }                // G*H
    int64_t traced_gates() const { return facts().traced; }  // K of Forward::trace_gates

    Params params(Arguments& arguments, PyObject* tuple) const;
    ParamGradients gradients(Arguments& arguments, PyObject* tuple) const;

    Packed pack(nb::handle params, bool training, int64_t threads) const;
    int64_t saved_bytes(int64_t T, int64_t B, int64_t S, int64_t recompute, bool own_y) const;
    // Whether the arguments of a scan, those of forward up to the parameters, are plain tensors that forward takes, x with any strides.
    // `lowest`: x is the scan's own, else that of the lowest of several layers. `count`: how many parameters there must be. `contiguous`: whether all
    // parameters are.
    bool fits(nb::handle scan, bool lowest, int64_t count, bool* contiguous) const;
    // Scans of this plan side by side; see module.cpp for the tuples. Returns what was saved, one or None per scan.
    nb::object forward(nb::tuple scans, int64_t recompute, int64_t threads, bool own_y) const;
    void backward(nb::tuple scans, int64_t recompute, int64_t threads) const;

private:
    Sequence sequence(Arguments& arguments, PyObject* const* items, int64_t* steps, int64_t* valid_steps) const;
    const Packed& checked_packed(nb::handle object, bool training, const char* function) const;
    // Whether the kernels keep the y that backward reads by themselves, as the widened bfloat16 does.
    bool keeps_y() const;
    // Behind `bytes` of what the kernels keep: y, dense.
    std::size_t y_bytes(int64_t T, int64_t B) const;
    // f(index, shape) for every parameter that this cell has, in the order of the tuple, biases included.
    template <class F>
    void each_parameter(F&& f) const;

    Spec spec_;
    Kind kind_;
    int64_t rows_;
};

// B streams that carry their state; weights packed for evaluation.
class Stepper {
public:
    Stepper(const Plan& plan, nb::handle params, int64_t streams);
    // x (B, I) and out (B, R); one stream also (I,) and (R,). Returns out, which is a new numpy array if it is None and x an array.
    nb::object step(nb::handle x, nb::handle out);
    void get_state(nb::handle h, nb::handle c) const;
    void set_state(nb::handle h, nb::handle c);
    // None: every stream.
    void reset(nb::handle rows);
    int64_t streams() const { return B_; }

private:
    Plan plan_;
    Packed packed_;
    int64_t B_;
    Memory h_;
    Memory c_;
    Memory workspace_;
    std::size_t h_row_;
    std::size_t c_row_;
};

}  // namespace unroll::binding
