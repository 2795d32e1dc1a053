// Where a scan's rows lie in the caller's and the driver's memory, by step and slot.
#pragma once

#include "job.h"

namespace unroll {
namespace UNROLL_LEVEL {
namespace {

template <class T>
T* carve(char*& at, int64_t count) {
    char* here = at;
    at += round_up(count * static_cast<int64_t>(sizeof(T)), kAlign);
    return reinterpret_cast<T*>(here);
}

// Addresses of a scan's rows by (step, slot).
template <class T>
struct Rows {
    const ForwardJob& j;
    const Sequence& q;
    const Plan& plan;
    const Layout& l;

    explicit Rows(const ForwardJob& job) : j(job), q(*job.sequence), plan(job.plan), l(*job.layout) {}

    int64_t time(int64_t s, int64_t slot) const { return q.reverse ? plan.length(slot) - 1 - s : s; }
    const T* x(int64_t s, int64_t slot) const {
        return static_cast<const T*>(q.x) + time(s, slot) * q.x_stride_t + plan.order[slot] * q.x_stride_b;
    }
    bool reset(int64_t s, int64_t slot) const { return q.reset && q.reset[time(s, slot) * plan.B + plan.order[slot]]; }
    T* y(int64_t s, int64_t slot) const {
        return static_cast<T*>(j.y) + time(s, slot) * j.y_stride_t + plan.order[slot] * j.y_stride_b;
    }
    const T* h_known(int64_t s, int64_t slot) const {
        return static_cast<const T*>(j.y_known) + time(s, slot) * j.y_stride_t + plan.order[slot] * j.y_stride_b;
    }
    const T* zeros() const { return static_cast<const T*>(j.zeros); }
    // h before step s; zeros after a reset.
    const T* h_old(int64_t s, int64_t slot) const {
        if (reset(s, slot)) return zeros();
        if (s > 0) return h_known(s - 1, slot);
        return q.h0 ? static_cast<const T*>(q.h0) + plan.order[slot] * l.R : zeros();
    }
    int64_t saved(int64_t s, int64_t slot) const { return plan.saved_row(s, slot) - j.first_row; }
    T* saved_gates(int64_t s, int64_t slot) const { return static_cast<T*>(j.gates) + saved(s, slot) * l.saved_row; }
    T* c(int64_t s, int64_t slot) const {
        return static_cast<T*>(j.c) + (j.save ? saved(s, slot) : slot) * l.padded;
    }
    const T* c_old(int64_t s, int64_t slot) const {
        if (reset(s, slot)) return zeros();
        if (s == j.begin) return static_cast<const T*>(j.c_first) + slot * l.padded;
        return c(s - 1, slot);
    }
    // A mask of [steps, B, n] at the time of step s; null if there is none.
    const T* mask(const void* p, int64_t steps, int64_t s, int64_t slot, int64_t n) const {
        return p ? static_cast<const T*>(p) + ((steps == 1 ? 0 : time(s, slot) * plan.B) + plan.order[slot]) * n : nullptr;
    }
    T* trace(void* p, int64_t s, int64_t slot, int64_t n) const {
        return p ? static_cast<T*>(p) + (time(s, slot) * plan.B + plan.order[slot]) * n : nullptr;
    }
};

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
