#include "bell.h"

#include <chrono>
#include <thread>

#include "../simd/compiler.h"

namespace unroll::binding {
namespace {

// A process that sleeps is woken by the system, which on a virtual machine takes as long as a small network's step, so the first waits are spent
// awake: 2,000 pauses are tens of microseconds, and 20,000 times giving the core away some milliseconds where nobody else wants it.
constexpr int kPauses = 2000, kYields = 20000;
constexpr auto kNap = std::chrono::microseconds(200);

}  // namespace

Bell::Bell(nb::handle memory, int64_t rank, int64_t count) : rank_(rank), count_(count) {
    if (count < 1 || count > 4096 || rank < 0 || rank >= count) throw nb::value_error("Bell: rank must lie in [0, count), and count in [1, 4096]");
    if (PyObject_GetBuffer(memory.ptr(), &memory_, PyBUF_WRITABLE) != 0) throw nb::python_error();
    if (memory_.len < bytes(count) || reinterpret_cast<uintptr_t>(memory_.buf) % kApart != 0) {
        PyBuffer_Release(&memory_);
        throw nb::value_error("Bell: memory must begin at a multiple of 64 and have 64 bytes for each process");
    }
}

bool Bell::heard(double seconds) const {
    nb::gil_scoped_release release;
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    int waits = 0;
    for (int64_t rank = 0; rank < count_;) {
        if (counter(rank).load(std::memory_order_acquire) >= rings_) {
            ++rank;
        } else if (++waits <= kPauses) {
            UNROLL_PAUSE();
        } else if (std::chrono::steady_clock::now() >= end) {
            return false;
        } else if (waits <= kPauses + kYields) {
            std::this_thread::yield();
        } else {
            std::this_thread::sleep_for(kNap);
        }
    }
    return true;
}

}  // namespace unroll::binding
