// How processes of one machine meet: each counts its own rings up in memory that all of them see.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <cstdint>

namespace nb = nanobind;

namespace unroll::binding {

class Bell {
    static constexpr int64_t kApart = 64;  // bytes between two counters: a cache line each

    // The counters live in memory of another's making, where an atomic is its number.
    static_assert(sizeof(std::atomic<uint64_t>) == sizeof(uint64_t) && std::atomic<uint64_t>::is_always_lock_free);

    Py_buffer memory_{};
    int64_t rank_, count_;
    uint64_t rings_ = 0;

    std::atomic<uint64_t>& counter(int64_t rank) const {
        return *reinterpret_cast<std::atomic<uint64_t>*>(static_cast<char*>(memory_.buf) + rank * kApart);
    }

public:
    // memory: a writable buffer of zeros that every process has made its Bell of, of at least bytes(count).
    Bell(nb::handle memory, int64_t rank, int64_t count);
    ~Bell() { PyBuffer_Release(&memory_); }
    Bell(const Bell&) = delete;
    Bell& operator=(const Bell&) = delete;

    static int64_t bytes(int64_t count) { return count * kApart; }

    // What this process wrote before is seen by whoever heard it.
    void ring() { counter(rank_).store(++rings_, std::memory_order_release); }
    // Whether every process has rung as often as this one; false if not within so many seconds.
    bool heard(double seconds) const;
};

}  // namespace unroll::binding
