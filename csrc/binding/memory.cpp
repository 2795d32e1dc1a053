#include "memory.h"

#include <array>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace unroll::binding {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kLargePage = std::size_t{2} << 20;
// Scratch up to this size stays with its thread; above it a call is long enough to pay for its pages.
constexpr std::size_t kKept = std::size_t{16} << 20;
constexpr int kSlots = 8;

thread_local std::array<Memory, kSlots> kept;

// Blocks that were given back, oldest first, for all threads: what a forward pass saved is given back by the thread of the backward pass.
class Pool {
public:
    // A block of at least `size` bytes and at most twice as many, or null.
    void* take(std::size_t size, std::size_t* found) {
        const std::lock_guard<std::mutex> lock(mutex_);
        auto best = blocks_.end();
        for (auto block = blocks_.begin(); block != blocks_.end(); ++block)
            if (block->size >= size && block->size / 2 <= size && (best == blocks_.end() || block->size < best->size)) best = block;
        if (best == blocks_.end()) return nullptr;
        void* const data = best->data;
        *found = best->size;
        held_ -= best->size;
        blocks_.erase(best);
        return data;
    }

    void give(void* data, std::size_t size) {
        if (size < kSmallest || size > kMost) {
            std::free(data);
            return;
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        while (held_ + size > kMost) {
            std::free(blocks_.front().data);
            held_ -= blocks_.front().size;
            blocks_.erase(blocks_.begin());
        }
        blocks_.push_back({data, size});
        held_ += size;
    }

private:
    static constexpr std::size_t kSmallest = std::size_t{64} << 10;  // below this the C library keeps blocks itself
#ifdef __SANITIZE_ADDRESS__
    static constexpr std::size_t kMost = 0;  // the sanitizer must see what is used after it was given back
#else
    static constexpr std::size_t kMost = std::size_t{128} << 20;
#endif
    struct Block {
        void* data;
        std::size_t size;
    };
    std::mutex mutex_;
    std::vector<Block> blocks_;
    std::size_t held_ = 0;
};

// Never destroyed: objects of other threads may outlive the end of the program.
Pool& pool() {
    static Pool* const only = new Pool;
    return *only;
}

}  // namespace

Memory::Memory(std::size_t bytes) : bytes_(bytes) {
    const bool large = bytes >= 2 * kLargePage;
    const std::size_t unit = large ? kLargePage : kLine;
    if (bytes > static_cast<std::size_t>(-1) - unit) throw std::bad_alloc();
    size_ = bytes ? (bytes + unit - 1) / unit * unit : unit;
    data_ = pool().take(size_, &size_);
    if (data_) return;
    data_ = std::aligned_alloc(unit, size_);
    if (!data_) throw std::bad_alloc();
#ifdef __linux__
    // A refusal only costs speed.
    if (large) (void)madvise(data_, size_, MADV_HUGEPAGE);
#endif
}

Memory::~Memory() {
    if (data_) pool().give(data_, size_);
}

Scratch::Scratch(int slot, std::size_t bytes) : slot_(slot) {
    memory_ = std::move(kept[static_cast<std::size_t>(slot)]);
    if (memory_.bytes() < bytes || !memory_.data()) {
        memory_ = Memory();
        memory_ = Memory(bytes);
    }
}

Scratch::~Scratch() {
    if (memory_.bytes() <= kKept) kept[static_cast<std::size_t>(slot_)] = std::move(memory_);
}

}  // namespace unroll::binding
