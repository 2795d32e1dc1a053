// Where a scan's rows lie in the caller's and the driver's memory, by step and slot.
#pragma once

#include "../simd/vec.h"
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

// A row of n elements as operands of a product, which read whole operands: the row itself, or where its last operand would reach past its end
// a copy at `room`, filled up with zeros.
template <class A>
UNROLL_INLINE const typename A::X* operands(const typename A::X* row, int64_t n, typename A::X* room) {
    if (n % A::fold == 0) return row;
    std::memcpy(room, row, static_cast<size_t>(n) * sizeof(typename A::X));
    for (int64_t i = n; i % A::fold; ++i) room[i] = typename A::X(0);
    return room;
}

// Addresses of a scan's rows by (step, slot). X: element of the caller's x, y and h0, of which T is what the kernels compute in.
template <class T, class X = T>
struct Rows {
    const ForwardJob& j;
    const Sequence& q;
    const Plan& plan;
    const Layout& l;

    explicit Rows(const ForwardJob& job) : j(job), q(*job.sequence), plan(job.plan), l(*job.layout) {}

    int64_t time(int64_t s, int64_t slot) const { return q.reverse ? plan.length(slot) - 1 - s : s; }
    const X* x(int64_t s, int64_t slot) const {
        return static_cast<const X*>(q.x) + time(s, slot) * q.x_stride_t + plan.order[slot] * q.x_stride_b;
    }
    bool reset(int64_t s, int64_t slot) const { return q.reset && q.reset[time(s, slot) * q.B + plan.order[slot]]; }
    X* y(int64_t s, int64_t slot) const {
        return static_cast<X*>(j.y) + time(s, slot) * j.y_stride_t + plan.order[slot] * j.y_stride_b;
    }
    const X* h_known(int64_t s, int64_t slot) const {
        return static_cast<const X*>(j.y_known) + time(s, slot) * j.y_stride_t + plan.order[slot] * j.y_stride_b;
    }
    const T* zeros() const { return static_cast<const T*>(j.zeros); }
    // h before step s; zeros after a reset.
    const X* h_old(int64_t s, int64_t slot) const {
        const X* none = static_cast<const X*>(j.zeros);
        if (reset(s, slot)) return none;
        if (s > 0) return h_known(s - 1, slot);
        return q.h0 ? static_cast<const X*>(q.h0) + plan.order[slot] * l.R : none;
    }
    int64_t saved(int64_t s, int64_t slot) const { return plan.saved_row(s, slot, j.first_saved); }
    T* saved_gates(int64_t s, int64_t slot) const { return static_cast<T*>(j.gates) + saved(s, slot) * l.saved_row; }
    T* c(int64_t s, int64_t slot) const {
        return static_cast<T*>(j.c) + (j.save ? saved(s, slot) : plan.seat[slot]) * l.padded;
    }
    const T* c_old(int64_t s, int64_t slot) const {
        if (reset(s, slot)) return zeros();
        if (s == j.begin) return static_cast<const T*>(j.c_first) + plan.order[slot] * l.padded;
        return c(s - 1, slot);
    }
    // A mask of [steps, B, n] at the time of step s; null if there is none.
    const T* mask(const void* p, int64_t steps, int64_t s, int64_t slot, int64_t n) const {
        return p ? static_cast<const T*>(p) + ((steps == 1 ? 0 : time(s, slot) * q.B) + plan.order[slot]) * n : nullptr;
    }
    T* trace(void* p, int64_t s, int64_t slot, int64_t n) const {
        return p ? static_cast<T*>(p) + (time(s, slot) * q.B + plan.order[slot]) * n : nullptr;
    }
};

}  // namespace
}  // namespace UNROLL_LEVEL
}  // namespace unroll
