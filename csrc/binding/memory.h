// Memory for packed weights, saved activations and scratch: aligned for vectors, on large pages where that pays.
#pragma once

#include <cstddef>
#include <utility>

namespace unroll::binding {

// A block that is given back waits for the next one of its size, up to a bound: fresh pages cost a short training step more than its arithmetic.
class Memory {
public:
    Memory() = default;
    // Throws std::bad_alloc. Contents are undefined.
    explicit Memory(std::size_t bytes);
    ~Memory();
    Memory(Memory&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)), size_(std::exchange(other.size_, 0)) {}
    Memory& operator=(Memory&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        std::swap(size_, other.size_);
        return *this;
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    void* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }

private:
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
    std::size_t size_ = 0;  // of the block, at least bytes_
};

// Scratch of the calling thread, kept from call to call so that short calls do not pay for fresh pages. `slot`: one of a few independent pieces.
// Large pieces are not kept: see kKept in memory.cpp.
class Scratch {
public:
    Scratch(int slot, std::size_t bytes);
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    void* data() const { return memory_.data(); }

private:
    int slot_;
    Memory memory_;
};

}  // namespace unroll::binding
