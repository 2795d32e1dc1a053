#include "view.h"

#include <nanobind/nanobind.h>

#include <cstring>

namespace nb = nanobind;

namespace unroll::binding {
namespace {

// The part of DLPack 1.3's C interface that is read here (dlpack.h, DLPackExchangeAPI and DLTensor); the layout is fixed within a major version.
struct DLTensor {
    void* data;
    int32_t device_type;
    int32_t device_id;
    int32_t ndim;
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
    int64_t* shape;
    int64_t* strides;
    uint64_t byte_offset;
};

struct ExchangeTable {
    uint32_t major;
    uint32_t minor;
    const void* older;
    const void* allocate;
    const void* from_object;
    const void* to_object;
    int (*view_of_object)(void* object, DLTensor* out);
    const void* stream;
};

constexpr int32_t kCpu = 1;
constexpr int kTypeCache = 8;

struct KnownType {
    PyTypeObject* type;
    const ExchangeTable* table;
};

// Guarded by the GIL. The types are kept alive, so a pointer cannot come to mean another type.
KnownType known_types[kTypeCache];
int known_count = 0;

// Null for a type without the interface, which is remembered as well: a failed look-up costs more than a step of a stream.
const ExchangeTable* found_table(PyTypeObject* type) {
    PyObject* capsule = PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "__dlpack_c_exchange_api__");
    if (!capsule) {
        PyErr_Clear();
        return nullptr;
    }
    const auto* table = static_cast<const ExchangeTable*>(PyCapsule_GetPointer(capsule, "dlpack_exchange_api"));
    Py_DECREF(capsule);
    if (!table) PyErr_Clear();
    return table && table->major == 1 && table->view_of_object ? table : nullptr;
}

const ExchangeTable* exchange_table(PyTypeObject* type) {
    for (int i = 0; i < known_count; ++i)
        if (known_types[i].type == type) return known_types[i].table;
    const ExchangeTable* table = found_table(type);
    if (known_count < kTypeCache) {
        Py_INCREF(type);
        known_types[known_count++] = {type, table};
    }
    return table;
}

PyObject* plain_types[2];
PyObject* is_neg_method;

Kind kind_of(uint8_t code, uint8_t bits) {
    if (code == 2 && bits == 32) return Kind::f32;
    if (code == 2 && bits == 64) return Kind::f64;
    if (code == 4 && bits == 16) return Kind::bf16;
    if (code == 0 && bits == 64) return Kind::i64;
    if (code == 6 && bits == 8) return Kind::flag;
    if (code == 1 && bits == 8) return Kind::byte;
    return Kind::other;
}

Kind kind_of(const char* format, Py_ssize_t bytes) {
    if (!format) return Kind::byte;
    if (*format == '@' || *format == '=' || *format == '<') ++format;
    if (std::strlen(format) != 1) return Kind::other;
    switch (*format) {
        case 'f': return Kind::f32;
        case 'd': return Kind::f64;
        case 'l':
        case 'q': return bytes == 8 ? Kind::i64 : Kind::other;
        case '?': return Kind::flag;
        case 'B': return Kind::byte;
        default: return Kind::other;
    }
}

}  // namespace

const char* kind_name(Kind kind) {
    switch (kind) {
        case Kind::f32: return "float32";
        case Kind::f64: return "float64";
        case Kind::bf16: return "bfloat16";
        case Kind::i64: return "int64";
        case Kind::flag: return "bool";
        case Kind::byte: return "uint8";
        case Kind::other: break;
    }
    return "another dtype";
}

int64_t kind_bytes(Kind kind) {
    switch (kind) {
        case Kind::f32: return 4;
        case Kind::f64:
        case Kind::i64: return 8;
        case Kind::bf16: return 2;
        default: return 1;
    }
}

void init_tensors(PyObject* tensor, PyObject* parameter, PyObject* is_neg) {
    Py_INCREF(tensor);
    Py_INCREF(parameter);
    Py_INCREF(is_neg);
    plain_types[0] = tensor;
    plain_types[1] = parameter;
    is_neg_method = is_neg;
}

Fit fit(PyObject* object, Kind kind, std::initializer_list<int64_t> shape, View* view) {
    auto* const type = reinterpret_cast<PyObject*>(Py_TYPE(object));
    if (type != plain_types[0] && type != plain_types[1]) return Fit::no;
    const ExchangeTable* const table = exchange_table(Py_TYPE(object));
    DLTensor tensor{};
    int failed = -1;
    try {
        failed = table ? table->view_of_object(object, &tensor) : -1;
    } catch (...) {
    }
    if (failed) {
        PyErr_Clear();
        return Fit::no;
    }
    if (tensor.device_type != kCpu || tensor.ndim != static_cast<int32_t>(shape.size()) || tensor.lanes != 1) return Fit::no;
    if (kind_of(tensor.code, tensor.bits) != kind) return Fit::no;
    bool contiguous = true, empty = false;
    int64_t expected = 1;
    const int64_t* size = shape.end();
    for (int a = tensor.ndim - 1; a >= 0; --a) {
        --size;
        if (*size >= 0 && tensor.shape[a] != *size) return Fit::no;
        if (tensor.shape[a] != 1 && tensor.strides[a] != expected) contiguous = false;
        empty = empty || tensor.shape[a] == 0;
        expected *= tensor.shape[a];
        view->shape[static_cast<std::size_t>(a)] = tensor.shape[a];
    }
    if (!empty && !tensor.data) return Fit::no;
    view->data = static_cast<char*>(tensor.data) + tensor.byte_offset;
    // Tensors over the bytes of a file may begin anywhere.
    if (!empty && reinterpret_cast<uintptr_t>(view->data) % static_cast<uintptr_t>(kind_bytes(kind)) != 0) return Fit::no;
    PyObject* const negated = PyObject_CallOneArg(is_neg_method, object);
    if (negated != Py_False) {
        PyErr_Clear();
        Py_XDECREF(negated);
        return Fit::no;
    }
    Py_DECREF(negated);
    return contiguous || empty ? Fit::contiguous : Fit::strided;
}

std::string shape_text(const View& view) {
    std::string text = "(";
    for (int a = 0; a < view.axes; ++a) text += (a ? ", " : "") + std::to_string(view.shape[a]);
    return text + (view.axes == 1 ? ",)" : ")");
}

Arguments::~Arguments() {
    for (int i = 0; i < buffer_count_; ++i) PyBuffer_Release(&buffers_[i]);
}

void Arguments::fail(const std::string& text) const { throw nb::value_error((std::string(function_) + ": " + text).c_str()); }

void Arguments::fail_type(const std::string& text) const { throw nb::type_error((std::string(function_) + ": " + text).c_str()); }

View Arguments::open(PyObject* object, const char* name) {
    View view;
    view.given = true;
    if (const ExchangeTable* table = exchange_table(Py_TYPE(object))) {
        DLTensor tensor{};
        int failed = 0;
        try {
            failed = table->view_of_object(object, &tensor);
        } catch (...) {
            failed = -1;
        }
        if (failed) {
            PyErr_Clear();
            fail_type(std::string(name) + " is a tensor without memory that can be read (sparse, fake or wrapped)");
        }
        if (tensor.device_type != kCpu) fail(std::string(name) + " must be on the CPU");
        if (tensor.ndim > kMaxAxes) fail(std::string(name) + " has " + std::to_string(tensor.ndim) + " axes; at most 4 are known");
        view.axes = tensor.ndim;
        int64_t elements = 1;
        for (int a = 0; a < tensor.ndim; ++a) {
            view.shape[a] = tensor.shape[a];
            view.stride[a] = tensor.strides[a];
            if (tensor.shape[a] == 0) elements = 0;
        }
        view.data = static_cast<char*>(tensor.data) + tensor.byte_offset;
        view.kind = tensor.lanes == 1 ? kind_of(tensor.code, tensor.bits) : Kind::other;
        if (elements && !tensor.data) fail_type(std::string(name) + " is a tensor without memory (fake or meta)");
        return view;
    }
    if (!PyObject_CheckBuffer(object)) {
        fail_type(std::string(name) + " must be a torch tensor or a numpy array, got " + Py_TYPE(object)->tp_name);
    }
    if (buffer_count_ == kMaxArguments) fail("too many arguments");
    Py_buffer& buffer = buffers_[buffer_count_];
    if (PyObject_GetBuffer(object, &buffer, PyBUF_STRIDED_RO | PyBUF_FORMAT) != 0) {
        PyErr_Clear();
        fail_type(std::string(name) + " does not give its memory away as a strided buffer");
    }
    ++buffer_count_;
    if (buffer.ndim > kMaxAxes) fail(std::string(name) + " has " + std::to_string(buffer.ndim) + " axes; at most 4 are known");
    view.axes = buffer.ndim;
    view.kind = kind_of(buffer.format, buffer.itemsize);
    for (int a = 0; a < buffer.ndim; ++a) {
        view.shape[a] = buffer.shape[a];
        if (buffer.shape[a] > 1 && buffer.strides[a] % buffer.itemsize != 0) {
            fail(std::string(name) + " has a stride that is not a whole number of elements");
        }
        view.stride[a] = buffer.strides[a] / buffer.itemsize;
    }
    view.data = static_cast<char*>(buffer.buf);
    view.writable = !buffer.readonly;
    return view;
}

void Arguments::check(const View& view, const char* name, Kind kind, std::initializer_list<int64_t> shape, bool packed) const {
    bool fits = view.axes == static_cast<int>(shape.size());
    bool empty = false;
    int axis = 0;
    for (int64_t size : shape) {
        if (fits && size >= 0 && view.shape[axis] != size) fits = false;
        if (fits && view.shape[axis] == 0) empty = true;
        ++axis;
    }
    if (!fits) {
        std::string expected = "(";
        axis = 0;
        for (int64_t size : shape) expected += (axis++ ? ", " : "") + (size < 0 ? std::string("any") : std::to_string(size));
        fail(std::string(name) + " must have shape " + expected + (axis == 1 ? ",)" : ")") + ", got " + shape_text(view));
    }
    if (view.kind != kind) fail(std::string(name) + " must be " + kind_name(kind) + ", got " + kind_name(view.kind));
    if (empty) return;
    if (reinterpret_cast<uintptr_t>(view.data) % static_cast<uintptr_t>(kind_bytes(kind)) != 0) {
        fail(std::string(name) + " is not aligned to its elements");
    }
    uint64_t expected = 1;
    for (int a = view.axes - 1; a >= 0; --a) {
        if (view.shape[a] != 1 && static_cast<uint64_t>(view.stride[a]) != expected && (packed || a == view.axes - 1)) {
            fail(std::string(name) + (packed ? " must be contiguous" : " must be contiguous along its last axis"));
        }
        expected *= static_cast<uint64_t>(view.shape[a]);
    }
}

void Arguments::remember(const View& view, const char* name, bool written) {
    const char* low = view.data;
    const char* high = view.data + kind_bytes(view.kind);
    for (int a = 0; a < view.axes; ++a) {
        if (view.shape[a] == 0) return;
        const int64_t reach = (view.shape[a] - 1) * view.stride[a] * kind_bytes(view.kind);
        (reach < 0 ? low : high) += reach;
    }
    if (range_count_ == kMaxArguments) fail("too many arguments");
    Range range{low, high, name, written, 0, {0, 0}};
    if (view.axes == 3) {
        range.row = view.shape[2] * kind_bytes(view.kind);
        range.step = {view.stride[0] * kind_bytes(view.kind), view.stride[1] * kind_bytes(view.kind)};
    }
    ranges_[range_count_++] = range;
}

// Two halves of one wider array, such as the outputs of two directions, lie between each other without sharing a byte.
bool Arguments::apart(const Range& a, const Range& b) {
    if (a.high <= b.low || b.high <= a.low) return true;
    if (a.step != b.step || a.step[0] <= 0 || a.step[1] <= 0) return false;
    const Range& first = a.low <= b.low ? a : b;
    const Range& second = a.low <= b.low ? b : a;
    const int64_t offset = second.low - first.low;
    const int64_t pitch = a.step[0] < a.step[1] ? a.step[0] : a.step[1];
    const int64_t other = a.step[0] < a.step[1] ? a.step[1] : a.step[0];
    return other % pitch == 0 && first.row <= offset && offset + second.row <= pitch;
}

View Arguments::input(PyObject* object, const char* name, Kind kind, std::initializer_list<int64_t> shape, bool packed) {
    const View view = open(object, name);
    check(view, name, kind, shape, packed);
    remember(view, name, false);
    return view;
}

View Arguments::optional(PyObject* object, const char* name, Kind kind, std::initializer_list<int64_t> shape, bool packed) {
    return object == Py_None ? View{} : input(object, name, kind, shape, packed);
}

View Arguments::output(PyObject* object, const char* name, Kind kind, std::initializer_list<int64_t> shape, bool packed) {
    const View view = open(object, name);
    check(view, name, kind, shape, packed);
    if (!view.writable) fail(std::string(name) + " is read-only");
    if (!packed && view.axes == 3) {
        // Two elements of an output must never share memory, which torch.expand and numpy tricks make possible.
        const auto& n = view.shape;
        const auto& s = view.stride;
        const bool time_major = (n[1] <= 1 || s[1] >= n[2]) && (n[0] <= 1 || s[0] >= (n[1] - 1) * s[1] + n[2]);
        const bool batch_major = (n[0] <= 1 || s[0] >= n[2]) && (n[1] <= 1 || s[1] >= (n[0] - 1) * s[0] + n[2]);
        if (n[0] && n[1] && n[2] && !time_major && !batch_major) fail(std::string(name) + " overlaps itself");
    }
    remember(view, name, true);
    return view;
}

View Arguments::optional_output(PyObject* object, const char* name, Kind kind, std::initializer_list<int64_t> shape, bool packed) {
    return object == Py_None ? View{} : output(object, name, kind, shape, packed);
}

void Arguments::check_overlap() const {
    for (int i = 0; i < range_count_; ++i) {
        if (!ranges_[i].written) continue;
        for (int j = 0; j < range_count_; ++j) {
            if (i == j || (ranges_[j].written && j < i)) continue;
            if (!apart(ranges_[i], ranges_[j])) {
                fail(std::string(ranges_[i].name) + " shares memory with " + ranges_[j].name);
            }
        }
    }
}

}  // namespace unroll::binding
