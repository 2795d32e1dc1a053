#include "numpy.h"

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>

namespace unroll::binding {
namespace {

bool there = false;

Kind kind_of(int type) {
    switch (type) {
        case NPY_FLOAT: return Kind::f32;
        case NPY_DOUBLE: return Kind::f64;
        default: return Kind::other;
    }
}

}  // namespace

void init_numpy() {
    there = _import_array() >= 0;
    if (!there) PyErr_Clear();
}

bool view_numpy(PyObject* object, View* view) {
    if (!there || !PyArray_CheckExact(object)) return false;
    auto* const array = reinterpret_cast<PyArrayObject*>(object);
    const int axes = PyArray_NDIM(array);
    view->kind = kind_of(PyArray_TYPE(array));
    if (axes > kMaxAxes || view->kind == Kind::other || !PyArray_ISNOTSWAPPED(array)) return false;
    const npy_intp item = kind_bytes(view->kind);
    for (int a = 0; a < axes; ++a) {
        const npy_intp stride = PyArray_STRIDE(array, a);
        if (stride % item) return false;
        view->shape[static_cast<std::size_t>(a)] = PyArray_DIM(array, a);
        view->stride[static_cast<std::size_t>(a)] = stride / item;
    }
    view->given = true;
    view->axes = axes;
    view->data = PyArray_BYTES(array);
    view->writable = PyArray_ISWRITEABLE(array);
    return true;
}

PyObject* new_numpy(Kind kind, std::initializer_list<int64_t> shape, View* view) {
    if (!there || (kind != Kind::f32 && kind != Kind::f64)) return nullptr;
    npy_intp sizes[kMaxAxes];
    int axes = 0;
    for (int64_t size : shape) sizes[axes++] = size;
    PyObject* const array = PyArray_SimpleNew(axes, sizes, kind == Kind::f32 ? NPY_FLOAT : NPY_DOUBLE);
    if (array) view_numpy(array, view);
    return array;
}

}  // namespace unroll::binding
