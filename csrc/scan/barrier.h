// How the workers of a scan meet: a spinning barrier, far cheaper than the OpenMP one where workers share the units of the same rows and meet at
// every step; and pieces of work that are dealt as they go.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "../simd/compiler.h"

namespace unroll {

// One thread's wait for another: at full speed for some microseconds, a step's worth, then giving its core away each time, since a thread that lost
// its core to another process comes back only when there is one free.
class Backoff {
    static constexpr int32_t kSpins = 256;
    int32_t spins_ = 0;

public:
    bool spinning() const { return spins_ < kSpins; }
    void pause() {
        if (spinning()) {
            ++spins_;
            UNROLL_PAUSE();
        } else {
            std::this_thread::yield();
        }
    }
};

struct alignas(64) Barrier {
    std::atomic<int32_t> waiting{0};
    alignas(64) std::atomic<int32_t> round{0};

    // Every one of `members` workers must come; what they wrote before is then seen by all.
    void wait(int32_t members) {
        if (members == 1) return;
        const int32_t now = round.load(std::memory_order_relaxed);
        if (waiting.fetch_add(1, std::memory_order_acq_rel) + 1 == members) {
            waiting.store(0, std::memory_order_relaxed);
            round.store(now + 1, std::memory_order_release);
            return;
        }
        for (Backoff backoff; round.load(std::memory_order_acquire) == now;) backoff.pause();
    }
};

// Pieces of work that workers take as they get to them: one that shares its core with another process takes fewer.
struct alignas(64) Tickets {
    std::atomic<int64_t> next{0};

    int64_t take() { return next.fetch_add(1, std::memory_order_relaxed); }
    // By one worker, between two barriers at which nobody takes any.
    void reset() { next.store(0, std::memory_order_relaxed); }
};

}  // namespace unroll
