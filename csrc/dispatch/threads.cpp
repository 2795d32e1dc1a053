#include "threads.h"

#if defined(_OPENMP)
#include <omp.h>
#else
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "../scan/barrier.h"
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#endif

namespace unroll {

#if defined(_OPENMP)

const char* thread_library() { return "OpenMP"; }

void run_team(int32_t threads, void (*member)(const void*, int64_t, int64_t), const void* what) {
#pragma omp parallel num_threads(threads)
    member(what, omp_get_thread_num(), omp_get_num_threads());
}

#else

namespace {

// Raised by one thread, waited for by one other, again and again. What is behind it is seldom far: some microseconds of spinning come first.
class Signal {
    std::atomic<bool> raised_{false};
    std::mutex mutex_;
    std::condition_variable changed_;

public:
    void raise() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            raised_.store(true, std::memory_order_release);
        }
        changed_.notify_one();
    }
    void wait() {
        for (Backoff backoff; backoff.spinning(); backoff.pause()) {
            if (!raised_.load(std::memory_order_acquire)) continue;
            raised_.store(false, std::memory_order_relaxed);
            return;
        }
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return raised_.load(std::memory_order_acquire); });
        raised_.store(false, std::memory_order_relaxed);
    }
};

// A thread that waits for work. It and its signals live as long as the process: the last member of a team may still be inside raise() when the
// caller goes on.
class Helper {
    void (*member_)(const void*, int64_t, int64_t) = nullptr;
    const void* what_ = nullptr;
    int64_t index_ = 0, count_ = 0;
    Signal start_, done_;

    void loop() {
        for (;;) {
            start_.wait();
            member_(what_, index_, count_);
            done_.raise();
        }
    }

public:
    // Throws std::system_error where there can be no more threads.
    Helper() { std::thread([this] { loop(); }).detach(); }

    void begin(void (*member)(const void*, int64_t, int64_t), const void* what, int64_t index, int64_t count) {
        member_ = member;
        what_ = what;
        index_ = index;
        count_ = count;
        start_.raise();
    }
    void finish() { done_.wait(); }
};

// Helpers without work. A caller takes as many as it needs and gives them back, so that callers on several threads have teams of their own.
class Idle {
    std::mutex mutex_;
    std::vector<Helper*> helpers_;

public:
    std::vector<Helper*> take(int64_t count) {
        std::vector<Helper*> taken;
        taken.reserve(static_cast<std::size_t>(count));
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            for (; static_cast<int64_t>(taken.size()) < count && !helpers_.empty(); helpers_.pop_back()) taken.push_back(helpers_.back());
        }
        try {
            while (static_cast<int64_t>(taken.size()) < count) taken.push_back(new Helper);
        } catch (const std::system_error&) {
            // A smaller team computes the same.
        }
        return taken;
    }
    void give(const std::vector<Helper*>& helpers) {
        const std::lock_guard<std::mutex> lock(mutex_);
        // Taken from the end again: the one that ran last is likeliest to be awake.
        helpers_.insert(helpers_.end(), helpers.rbegin(), helpers.rend());
    }
};

// Never destroyed, since threads outlive the end of main; replaced in a forked child, which has none of its parent's threads.
std::atomic<Idle*> idle{nullptr};

void forget_helpers() { idle.store(new Idle, std::memory_order_release); }

Idle& idle_helpers() {
    static const bool once = [] {
        forget_helpers();
#if defined(__unix__) || defined(__APPLE__)
        pthread_atfork(nullptr, nullptr, forget_helpers);
#endif
        return true;
    }();
    (void)once;
    return *idle.load(std::memory_order_acquire);
}

}  // namespace

const char* thread_library() { return "std::thread"; }

void run_team(int32_t threads, void (*member)(const void*, int64_t, int64_t), const void* what) {
    Idle& home = idle_helpers();
    const std::vector<Helper*> helpers = home.take(threads - 1);
    const int64_t count = static_cast<int64_t>(helpers.size()) + 1;
    for (int64_t i = 1; i < count; ++i) helpers[static_cast<std::size_t>(i - 1)]->begin(member, what, i, count);
    member(what, 0, count);
    for (Helper* helper : helpers) helper->finish();
    home.give(helpers);
}

#endif

}  // namespace unroll
