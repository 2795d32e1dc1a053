#include "memory.h"

#include <array>
#include <cstdlib>
#include <new>

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

}  // namespace

Memory::Memory(std::size_t bytes) : bytes_(bytes) {
    const bool large = bytes >= 2 * kLargePage;
    const std::size_t unit = large ? kLargePage : kLine;
    if (bytes > static_cast<std::size_t>(-1) - unit) throw std::bad_alloc();
    const std::size_t size = bytes ? (bytes + unit - 1) / unit * unit : unit;
    data_ = std::aligned_alloc(unit, size);
    if (!data_) throw std::bad_alloc();
#ifdef __linux__
    // A refusal only costs speed.
    if (large) (void)madvise(data_, size, MADV_HUGEPAGE);
#endif
}

Memory::~Memory() { std::free(data_); }

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
