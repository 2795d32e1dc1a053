// The native engine's interface: a scan of one recurrent layer and direction over time, forward and backward.
//
// Plain structs, raw pointers, no torch headers, no exceptions. Nothing here allocates: the caller asks for sizes and hands over memory.
// Threads run only inside pack, forward, backward and fma_peak, in one OpenMP region per call; step() runs on the caller's thread.
//
// Shapes: T steps, B rows of the batch, I input features, H hidden units, R = P if there is a projection, else H, G gate rows stacked in the
// weights (1 for the RNNs, 3 for GRU and coupled LSTM, 4 for LSTM), S the sum of the lengths (T*B without lengths).
// Pointers are to elements of Spec::dtype unless they say otherwise; strides count elements; the last axis is always contiguous.
// Every buffer must be aligned to its element; packed, saved and workspace buffers to 64 bytes. No output may overlap an input or another
// output unless a comment allows it. Equations, gate order (LSTM i f g o, GRU r z n) and parameter shapes are those of src/unroll/cells.
#pragma once

#include <cstdint>

namespace unroll {

enum class Cell : int32_t {
#define UNROLL_CELL(name, Class) name,
#include "../cells/cells.inc"
};

enum class Dtype : int32_t { f32 = 0, f64 = 1, bf16 = 2 };

// avx512bf16: avx512 and products of bfloat16 pairs, for Dtype::bf16. avx512bf16_emulated: the same kernels with two fused operations in place of
// the instruction, same bits, for tests on a CPU with avx512 alone; slower than avx512 and never chosen unless named.
enum class Level : int32_t { scalar = 0, neon = 1, avx2 = 2, avx512 = 3, avx512bf16 = 4, avx512bf16_emulated = 5 };

enum class Status : int32_t {
    ok = 0,
    bad_size,          // a size is negative, or I or H is zero, or P >= H
    bad_length,        // a length is negative or greater than T
    bad_option,        // the cell does not have the option, or two options exclude each other
    unsupported,       // not implemented for this cell, dtype and option
    missing_pointer,   // a pointer that this call needs is null
    packed_mismatch,   // the packed weights were made for another Spec, another level, or without `training`
    saved_mismatch,    // `saved` is not what a forward pass over as many rows and steps left there
    unknown_level,     // no such instruction set name
    level_unavailable  // this CPU or this build does not have the instruction set
};

// One English sentence without a full stop; static storage.
const char* message(Status status);

// ---------------------------------------------------------------------------------------------------------------- what to compute

// Bits of Spec::options.
constexpr uint32_t kPeephole = 1u << 0;   // lstm
constexpr uint32_t kCoupled = 1u << 1;    // lstm: three stacked gates i g o, f = 1 - i
constexpr uint32_t kLayerNorm = 1u << 2;  // every cell; needs gain_ih, gain_hh and, for lstm, gain_c and shift_c
constexpr uint32_t kCellClip = 1u << 3;   // lstm: |c| <= Spec::cell_clip
constexpr uint32_t kDropout = 1u << 4;    // Noise::dropout may be given
constexpr uint32_t kZoneoutH = 1u << 5;   // not with a projection
constexpr uint32_t kZoneoutC = 1u << 6;   // lstm

struct Spec {
    Cell cell;
    Dtype dtype;
    int64_t I;
    int64_t H;
    int64_t P;          // 0: no projection (lstm only)
    uint32_t options;   // bits above; without any, torch.nn's cell
    double cell_clip;   // used with kCellClip, > 0
    double zoneout_h;   // rate, used with kZoneoutH where no mask is given (evaluation: the expectation)
    double zoneout_c;
};

// Parameters as torch lays them out, all contiguous. Only read. Null where the Spec has no such parameter, or no bias.
struct Params {
    const void* weight_ih;        // [G*H, I]
    const void* weight_hh;        // [G*H, R]
    const void* bias_ih;          // [G*H] or null
    const void* bias_hh;          // [G*H] or null; both or neither
    const void* weight_hr;        // [P, H], projection
    const void* weight_peephole;  // [3*H] i f o, coupled: [2*H] i o
    const void* gain_ih;          // [G*H], layer norm
    const void* gain_hh;          // [G*H]
    const void* gain_c;           // [H], lstm
    const void* shift_c;          // [H], lstm
};

// Gradients of Params, same shapes. Written, not added to. Null: not wanted.
struct ParamGradients {
    void* weight_ih;
    void* weight_hh;
    void* bias_ih;
    void* bias_hh;
    void* weight_hr;
    void* weight_peephole;
    void* gain_ih;
    void* gain_hh;
    void* gain_c;
    void* shift_c;
};

// Random factors, drawn by the caller. Only read. Time index as in x, also with `reverse`.
struct Noise {
    const void* dropout;     // [T, B, R] or [1, B, R]: factor of h where it enters the recurrent product. Null: no dropout (evaluation)
    int64_t dropout_steps;   // T or 1
    const void* zoneout_h;   // [T, B, H]: 1 keeps the old value. Null: the rate of the Spec
    const void* zoneout_c;   // [T, B, H]
};

// What a scan sees of its batch, shared by forward and backward.
struct Sequence {
    int64_t T;               // 0 allowed
    int64_t B;               // 0 allowed
    const void* x;           // [T, B, I] by strides; never read past a row's length
    int64_t x_stride_t;
    int64_t x_stride_b;
    const int64_t* lengths;  // [B], 0 <= lengths[b] <= T, any order; null: all T
    const uint8_t* reset;    // [T, B] contiguous; nonzero: the state is set to zero before this step; null: never
    bool reverse;            // the scan begins at each row's own last step
    const void* h0;          // [B, R] contiguous; null: zeros
    const void* c0;          // [B, H] contiguous, lstm; null: zeros
    Noise noise;
};

// ---------------------------------------------------------------------------------------------------------------- packed weights

// Bytes of the packed form of the parameters at the level in force. `training`: also what backward needs. Negative: -Status.
int64_t packed_size(const Spec& spec, bool training);

// Fill `packed` (packed_size bytes, caller's, 64-byte aligned). Read-only afterwards and free to be shared between threads and calls.
Status pack(const Spec& spec, const Params& params, bool training, void* packed, int32_t threads);

// ---------------------------------------------------------------------------------------------------------------- forward

struct Forward {
    Sequence sequence;
    const void* packed;    // from pack
    void* y;               // [T, B, R] by strides; zero past a row's length
    int64_t y_stride_t;
    int64_t y_stride_b;
    void* h_n;             // [B, R] contiguous: state after each row's own last step (h0 for a row of length zero). May be null
    void* c_n;             // [B, H], lstm. May be null
    void* trace_gates;     // [T, B, K, H] contiguous, K gates by name: lstm i f g o (4, also when coupled), gru r z n (3); zero past a
                           // row's length. Null: not wanted; must be null for the RNNs
    void* trace_c;         // [T, B, H] contiguous, lstm: c after each step. Null: not wanted
    void* saved;           // saved_size bytes for backward. Null: inference
    int64_t recompute;     // k > 0: save the state every k steps only, backward computes the rest again. 0: save all
    void* workspace;       // forward_workspace_size bytes, scratch, contents undefined before and after
    int32_t threads;       // at most so many; >= 1
};

// Bytes. `S`: sum of lengths. `trace`: trace_gates or trace_c is wanted. Negative: -Status.
int64_t saved_size(const Spec& spec, int64_t T, int64_t B, int64_t S, int64_t recompute);
int64_t forward_workspace_size(const Spec& spec, int64_t T, int64_t B, bool trace, int32_t threads);

// Run `count` independent scans of the same Spec (the directions of a layer) side by side.
Status forward(const Spec& spec, const Forward* scans, int64_t count);

// ---------------------------------------------------------------------------------------------------------------- backward

struct Backward {
    Sequence sequence;     // as in forward
    const void* packed;    // packed with `training`, same parameters as in forward
    const Params* params;  // the parameters themselves, unchanged since forward (layer norm and peephole read them)
    const void* y;         // forward's output, unchanged
    int64_t y_stride_t;
    int64_t y_stride_b;
    void* saved;           // forward's, 64-byte aligned, consumed: its contents are undefined afterwards, so backward runs once per forward
    int64_t recompute;     // as in forward
    const void* dy;        // [T, B, R] by strides; never read past a row's length. Null: zeros
    int64_t dy_stride_t;
    int64_t dy_stride_b;
    const void* dh_n;      // [B, R] contiguous. Null: zeros
    const void* dc_n;      // [B, H] contiguous, lstm. Null: zeros
    void* dx;              // [T, B, I] by strides; zero past a row's length. Null: not wanted
    int64_t dx_stride_t;
    int64_t dx_stride_b;
    void* dh0;             // [B, R] contiguous. Null: not wanted
    void* dc0;             // [B, H] contiguous, lstm. Null: not wanted
    ParamGradients gradients;
    void* workspace;       // backward_workspace_size bytes
    int32_t threads;
};

int64_t backward_workspace_size(const Spec& spec, int64_t T, int64_t B, int64_t S, int64_t recompute, int32_t threads);

Status backward(const Spec& spec, const Backward* scans, int64_t count);

// ---------------------------------------------------------------------------------------------------------------- one step

// One step of B streams on the caller's thread: no checks but for the packed weights' header, no threads, evaluation only.
struct Step {
    int64_t B;
    const void* packed;
    const void* x;      // [B, I], rows x_stride_b apart
    int64_t x_stride_b;
    const void* h;      // [B, R] contiguous
    const void* c;      // [B, H] contiguous, lstm
    void* h_next;       // [B, R] contiguous; may be h itself
    void* c_next;       // [B, H] contiguous; may be c itself
    void* workspace;    // step_workspace_size bytes
};

int64_t step_workspace_size(const Spec& spec, int64_t B);
Status step(const Spec& spec, const Step& args);

// ---------------------------------------------------------------------------------------------------------------- machine

// The instruction set in force for every call; the best one that CPU and build have, until set_level.
// Packed weights belong to the level at which they were packed.
Level level();
Level best_level();
bool level_available(Level level);
const char* level_name(Level level);

// name: "scalar", "avx2", "avx512", "avx512bf16", "avx512bf16-emulated" or "neon", as in the environment variable UNROLL_SIMD; null or "": the best one.
// Not to be called while another thread is inside this library.
Status set_level(const char* name);

// Multiply-add operations per second, times two, on registers alone, over `threads` threads for about `seconds`, at the level in force.
// bf16: the rate of the products that the bf16 kernels without options use: of pairs where the level has them, else of float32.
double fma_peak(Dtype dtype, int32_t threads, double seconds);

}  // namespace unroll
