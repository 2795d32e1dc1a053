// The extension module unroll._native: the native engine as Python sees it. Everything that comes in is checked here or in csrc/binding, so
// that no argument can end the process; the meaning of the arguments is that of scan/api.h.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>
#include <vector>

#include "binding/bell.h"
#include "binding/numpy.h"
#include "binding/plan.h"
#include "dispatch/threads.h"

namespace nb = nanobind;
using unroll::binding::Bell;
using unroll::binding::Packed;
using unroll::binding::Plan;
using unroll::binding::Saved;
using unroll::binding::Stepper;

namespace {

nb::list available_levels() {
    nb::list names;
    for (const unroll::Level level :
         {unroll::Level::scalar, unroll::Level::neon, unroll::Level::avx2, unroll::Level::avx512, unroll::Level::avx512bf16}) {
        if (unroll::level_available(level)) names.append(unroll::level_name(level));
    }
    return names;
}

void set_level(const std::string& name) {
    if (unroll::binding::active_calls != 0) throw std::runtime_error("set_level: another thread is inside the native engine");
    const unroll::Status status = unroll::set_level(name.c_str());
    if (status == unroll::Status::ok) return;
    std::string known;
    for (nb::handle level : available_levels()) known += (known.empty() ? "" : ", ") + nb::cast<std::string>(level);
    throw nb::value_error((std::string("instruction set '") + name + "': " + unroll::message(status) + "; this machine has " + known).c_str());
}

nb::list cells() {
    nb::list names;
#define UNROLL_CELL(name, Class) names.append(#name);
#include "cells/cells.inc"
    return names;
}

nb::tuple gates(const std::string& cell) {
#define UNROLL_CELL(name, Class)                                                                        \
    if (cell == #name) {                                                                                \
        const unroll::CellFacts& facts = unroll::facts_of(unroll::Cell::name);                          \
        return nb::make_tuple(facts.gates, facts.h_gates ? facts.gates : 0);                            \
    }
#include "cells/cells.inc"
    throw nb::value_error(("no native cell is called '" + cell + "'").c_str());
}

double fma_peak(const Plan& plan, int64_t threads, double seconds) {
    if (!(seconds > 0.0 && seconds <= 60.0)) throw nb::value_error("fma_peak: seconds must lie in (0, 60]");
    const int32_t team = unroll::binding::checked_threads(threads, "fma_peak");
    const unroll::binding::Active active;
    nb::gil_scoped_release release;
    return unroll::fma_peak(plan.spec().dtype, team, seconds);
}

}  // namespace

NB_MODULE(_native, m) {
    // Plans that live as long as the interpreter are meant to.
    nb::set_leak_warnings(false);
    m.doc() = "Recurrent scans on the CPU. Shapes: T time, B batch, I input size, H hidden size, P projection, R = P or H.";

    m.attr("PEEPHOLE") = unroll::kPeephole;
    unroll::binding::init_numpy();
    m.attr("COUPLED") = unroll::kCoupled;
    m.attr("LAYER_NORM") = unroll::kLayerNorm;
    m.attr("CELL_CLIP") = unroll::kCellClip;
    m.attr("DROPOUT") = unroll::kDropout;
    m.attr("ZONEOUT_H") = unroll::kZoneoutH;
    m.attr("ZONEOUT_C") = unroll::kZoneoutC;

    m.attr("THREADS") = unroll::thread_library();

    m.def("cells", &cells, "Names of the native cells.");
    m.def("gates", &gates, nb::arg("cell"), "How many gates lie in the input weights of a cell, and how many in its recurrent ones, without options.");
    m.def("level", [] { return unroll::level_name(unroll::level()); }, "The instruction set in force.");
    m.def("best_level", [] { return unroll::level_name(unroll::best_level()); }, "The best instruction set of this CPU and build.");
    m.def("levels", &available_levels, "Every instruction set of this CPU and build, from the plainest.");
    m.def("set_level", &set_level, nb::arg("name"), "Choose an instruction set by name; an empty name is the best one.");
    m.def("init_tensors", [](nb::handle tensor, nb::handle parameter, nb::handle is_neg) {
              unroll::binding::init_tensors(tensor.ptr(), parameter.ptr(), is_neg.ptr());
          }, nb::arg("tensor"), nb::arg("parameter"), nb::arg("is_neg"), "The classes of plain tensors and their method is_neg; see Plan.fits.");
    m.def("fma_peak", &fma_peak, nb::arg("plan"), nb::arg("threads"), nb::arg("seconds"),
          "Floating-point operations per second in the dtype of a plan, on registers alone.");

    nb::class_<Packed>(m, "Packed", "Weights in the order in which the kernels read them.")
        .def_prop_ro("nbytes", [](const Packed& packed) { return packed.memory.bytes(); });

    nb::class_<Saved>(m, "Saved", "What one forward pass kept for one backward pass.")
        .def_prop_ro("nbytes", [](const Saved& saved) { return saved.memory.bytes(); })
        .def_ro("consumed", &Saved::consumed, "Whether a backward pass has used it.");

    nb::class_<Plan>(m, "Plan", "A cell with its sizes, dtype and options.")
        .def(nb::init<const std::string&, const std::string&, int64_t, int64_t, int64_t, uint32_t, double, double, double>(),
             nb::arg("cell"), nb::arg("dtype"), nb::arg("input_size"), nb::arg("hidden_size"), nb::arg("proj_size") = 0,
             nb::arg("options") = 0, nb::arg("cell_clip") = 0.0, nb::arg("zoneout_h") = 0.0, nb::arg("zoneout_c") = 0.0)
        .def_prop_ro("states", [](const Plan& plan) {
            return plan.has_c() ? nb::make_tuple(plan.output_size(), plan.spec().H) : nb::make_tuple(plan.output_size());
        }, "Features of every state, h first.")
        .def_prop_ro("gates", &Plan::traced_gates, "Gates that have a name.")
        .def_prop_ro("hidden_size", [](const Plan& plan) { return plan.spec().H; })
        .def("pack", &Plan::pack, nb::arg("params"), nb::arg("training"), nb::arg("threads"),
             "Pack (weight_ih, weight_hh, bias_ih, bias_hh, weight_hr, weight_peephole, gain_ih, gain_hh, gain_c, shift_c), None where absent.")
        .def("saved_bytes", &Plan::saved_bytes, nb::arg("steps"), nb::arg("batch"), nb::arg("valid"), nb::arg("recompute"),
             nb::arg("own_y") = false, "Bytes that a forward pass keeps; `valid` is the sum of the lengths; `own_y` as in forward.")
        .def("fits", [](const Plan& plan, nb::handle scan, bool lowest, int64_t count) {
                 bool contiguous = false;
                 return plan.fits(scan, lowest, count, &contiguous) ? contiguous ? 2 : 1 : 0;
             }, nb::arg("scan"), nb::arg("lowest"), nb::arg("count"),
             "Whether the first ten items of a forward call are plain tensors that forward takes: 0 no, 1 once the parameters are contiguous, 2 yes.")
        .def("forward", &Plan::forward, nb::arg("scans"), nb::arg("recompute"), nb::arg("threads"), nb::arg("own_y") = false,
             "Run one or two scans, each a tuple (x, lengths, reset, reverse, h0, c0, dropout, zoneout_h, zoneout_c, weights, y, h_n, c_n, gates, "
             "c, saved); saved is None, True or memory. own_y: keep a copy of y there for backward. Returns the list of Saved for those that said "
             "True.")
        .def("backward", &Plan::backward, nb::arg("scans"), nb::arg("recompute"), nb::arg("threads"),
             "Run one or two backward passes, each a tuple (x, lengths, reset, reverse, h0, c0, dropout, zoneout_h, zoneout_c, packed, params, y, "
             "saved, dy, dh_n, dc_n, dx, dh0, dc0, gradients). y may be None if forward was told to keep its own.");

    nb::class_<Bell>(m, "Bell", "Where the processes of one machine meet.")
        .def(nb::init<nb::handle, int64_t, int64_t>(), nb::arg("memory"), nb::arg("rank"), nb::arg("count"))
        .def_static("bytes", &Bell::bytes, nb::arg("count"), "How much memory so many processes need.")
        .def("ring", &Bell::ring, "What this process wrote before is seen by whoever hears it.")
        .def("heard", &Bell::heard, nb::arg("seconds"), "Whether every process has rung as often as this one; false if not within so many seconds.");

    nb::class_<Stepper>(m, "Stepper", "Streams that carry their state, one step at a time.")
        .def(nb::init<const Plan&, nb::handle, int64_t>(), nb::arg("plan"), nb::arg("params"), nb::arg("streams"))
        .def("step", &Stepper::step, nb::arg("x"), nb::arg("out").none(), "One step: x (B, I), out (B, R); None: a new numpy array.")
        .def("get_state", &Stepper::get_state, nb::arg("h"), nb::arg("c").none(), "Copy the state into arrays.")
        .def("set_state", &Stepper::set_state, nb::arg("h"), nb::arg("c").none(), "Copy the state from arrays.")
        .def("reset", &Stepper::reset, nb::arg("rows").none(), "Set the state of the flagged streams, or of all, to zero.")
        .def_prop_ro("streams", &Stepper::streams);
}
