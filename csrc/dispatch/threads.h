// The only parallel regions of the library: OpenMP's where the build has it, so that torch's threads are used, else threads of our own.
#pragma once

#include <cstdint>

namespace unroll {

// Calls member(what, index, count) for every index below count, each on a thread of its own and all at once, index 0 on the caller's, and returns
// when all have. count is `threads`, or less where no more can be had. From any number of threads at a time.
void run_team(int32_t threads, void (*member)(const void* what, int64_t index, int64_t count), const void* what);

// f(index, count), as above.
template <class F>
void on_threads(int32_t threads, const F& f) {
    if (threads <= 1) {
        f(0, 1);
        return;
    }
    run_team(threads, [](const void* what, int64_t index, int64_t count) { (*static_cast<const F*>(what))(index, count); }, &f);
}

// Where the threads come from: "OpenMP" or "std::thread".
const char* thread_library();

}  // namespace unroll
