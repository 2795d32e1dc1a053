// numpy arrays at the price of reading a struct, for calls as short as a step of a stream: opening and closing a buffer takes 0.1 microseconds.
#pragma once

#include "view.h"

namespace unroll::binding {

// Once, when the module is made. Without numpy, and with one of another binary interface, the functions below know no arrays.
void init_numpy();

// Looks at an array. It is not locked: the caller must hold the GIL for as long as it uses the view. False: `object` is not exactly a numpy array, or
// one that the buffer interface should refuse.
bool view_numpy(PyObject* object, View* view);

// A new array of float32 or float64, and its view. Null: not to be had.
PyObject* new_numpy(Kind kind, std::initializer_list<int64_t> shape, View* view);

}  // namespace unroll::binding
