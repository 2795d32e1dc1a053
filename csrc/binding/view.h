// Tensors and arrays from Python as pointers, shapes and strides, checked. Torch comes in through the C table that its tensors publish
// (DLPack's exchange interface), numpy through the buffer protocol: neither header is needed, and neither library has to be there.
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace unroll::binding {

enum class Kind : uint8_t { f32, f64, bf16, i64, flag, byte, other };

const char* kind_name(Kind kind);
int64_t kind_bytes(Kind kind);

constexpr int kMaxAxes = 4;

// One array argument. `data` is null if the argument was None, and may be null if it has no elements.
struct View {
    char* data = nullptr;
    int axes = 0;
    std::array<int64_t, kMaxAxes> shape{};
    std::array<int64_t, kMaxAxes> stride{};  // in elements
    Kind kind = Kind::other;
    bool writable = true;
    bool given = false;
};

// The classes whose objects are plain tensors, and the method that says whether one is to be read with its sign turned round, which the C table
// does not tell. Until it is called nothing `fit`s.
void init_tensors(PyObject* tensor, PyObject* parameter, PyObject* is_neg);

// Whether an object is a plain tensor in the memory of the CPU with this kind and shape (-1 takes any size), and whether it is contiguous. For a
// caller who has another way if it is not: nothing is thrown, and nothing is opened.
enum class Fit : uint8_t { no, strided, contiguous };
Fit fit(PyObject* object, Kind kind, std::initializer_list<int64_t> shape, View* view);

// Opens arguments and keeps them open (numpy buffers are locked while a view exists) until it goes out of scope. Throws nanobind exceptions.
class Arguments {
public:
    explicit Arguments(const char* function) : function_(function) {}
    ~Arguments();
    Arguments(const Arguments&) = delete;
    Arguments& operator=(const Arguments&) = delete;

    // An array of any shape. None is an error.
    View open(PyObject* object, const char* name);

    // An input of this kind and shape; -1 takes any size. The last axis must be contiguous; `packed`: every axis.
    View input(PyObject* object, const char* name, Kind kind, std::initializer_list<int64_t> shape, bool packed);
    // None gives a view that is not `given`.
    View optional(PyObject* object, const char* name, Kind kind, std::initializer_list<int64_t> shape, bool packed);
    // A writable array that no other argument overlaps.
    View output(PyObject* object, const char* name, Kind kind, std::initializer_list<int64_t> shape, bool packed);
    View optional_output(PyObject* object, const char* name, Kind kind, std::initializer_list<int64_t> shape, bool packed);

    // Memory that overlaps must not be given as an output of the same call. Throws if an output overlaps anything else.
    void check_overlap() const;

    [[noreturn]] void fail(const std::string& text) const;
    [[noreturn]] void fail_type(const std::string& text) const;

private:
    struct Range {
        const char* low;
        const char* high;
        const char* name;
        bool written;
        int64_t row;                  // bytes of the last axis
        std::array<int64_t, 2> step;  // bytes between rows along the first two axes of three; zero for other arrays
    };

    static bool apart(const Range& a, const Range& b);

    void check(const View& view, const char* name, Kind kind, std::initializer_list<int64_t> shape, bool packed) const;
    void remember(const View& view, const char* name, bool written);

    static constexpr int kMaxArguments = 96;
    const char* function_;
    std::array<Range, kMaxArguments> ranges_;
    int range_count_ = 0;
    std::array<Py_buffer, kMaxArguments> buffers_;
    int buffer_count_ = 0;
};

std::string shape_text(const View& view);

}  // namespace unroll::binding
