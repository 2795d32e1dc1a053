// The scan driver: checks, carves the caller's memory, and forms teams of workers.
#include <atomic>
#include <chrono>
#include <cstring>
#include <new>

#include "../simd/compiler.h"
#include "bf16.h"
#include "kernels.h"
#include "threads.h"

namespace unroll {
namespace {

constexpr uint64_t kMagic = 0x756e726f6c6c3031;  // "unroll01"

struct alignas(kAlign) Header {
    uint64_t magic;
    Level level;
    int32_t training;
    Cell cell;
    Dtype dtype;
    uint32_t options;
    int64_t I, H, P;
    Layout layout;  // of the sections that forward reads, so that a single step need not compute it
};
static_assert(sizeof(Header) % kAlign == 0, "the packed weights behind the header must stay aligned");

int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

// Takes pieces from a buffer, or only adds up their sizes if there is none.
struct Carver {
    char* base;
    int64_t used = 0;
    char* bytes(int64_t n) {
        char* here = base ? base + used : nullptr;
        used += round_up(n > 0 ? n : 1, kAlign);
        return here;
    }
    template <class T>
    T* array(int64_t n) {
        return reinterpret_cast<T*>(bytes(n * static_cast<int64_t>(sizeof(T))));
    }
};

Status check(const Spec& spec) {
    if (spec.I < 1 || spec.H < 1 || spec.P < 0 || spec.P >= spec.H) return Status::bad_size;
    const CellFacts& facts = facts_of(spec.cell);
    if ((spec.options & ~facts.options) || (spec.P && !facts.has_c)) return Status::bad_option;
    if (spec.P && (spec.options & kZoneoutH)) return Status::bad_option;
    if ((spec.options & kCellClip) && !(spec.cell_clip > 0)) return Status::bad_option;
    return Status::ok;
}

Layout layout_of(const Spec& spec, bool training) {
    const TypeKernels& k = type_kernels(spec.dtype);
    return make_layout(spec, k.lanes, k.registers, training);
}

Status check_packed(const Spec& spec, const void* packed, bool training) {
    if (!packed) return Status::missing_pointer;
    const Header& h = *static_cast<const Header*>(packed);
    const bool same = h.magic == kMagic && h.level == level() && h.cell == spec.cell && h.dtype == spec.dtype && h.options == spec.options &&
                      h.I == spec.I && h.H == spec.H && h.P == spec.P && (h.training || !training);
    return same ? Status::ok : Status::packed_mismatch;
}

Status check_sequence(const Spec& spec, const Sequence& q) {
    if (q.T < 0 || q.B < 0) return Status::bad_size;
    if (!q.x && q.T && q.B) return Status::missing_pointer;
    if (q.noise.dropout && !(spec.options & kDropout)) return Status::bad_option;
    if (q.noise.dropout && q.noise.dropout_steps != 1 && q.noise.dropout_steps != q.T) return Status::bad_size;
    return Status::ok;
}

// Row groups need no barrier, so rows are divided first; units of the same rows are shared only where a worker would get too few rows to use a
// register tile, and where there are enough weights to be worth a barrier per step.
struct Team {
    int64_t row_groups;
    int64_t unit_shares;
};

Team make_team(const Layout& l, int64_t panels, int64_t B, int64_t workers) {
    constexpr int64_t kFewRows = 3;
    // Weights of the recurrent product per worker. With 8,000 (LSTM, H = 64) sharing takes an eighth off a call on a quiet machine; where one of the
    // cores has other work, the other waits for it at every step.
    constexpr int64_t kWorthBarrier = 12 * 1000;
    if (workers <= 1 || B <= 0) return {1, 1};
    const int64_t wanted = max(1, B / kFewRows);
    const int64_t groups = wanted < workers ? wanted : workers;
    int64_t shares = workers / groups;
    if (shares > panels) shares = panels;
    if (l.whole_rows) shares = 1;
    while (shares > 1 && l.h_gates * l.padded * l.R / shares < kWorthBarrier) --shares;
    if (shares > 1) return {groups, shares};
    return {B < workers ? B : workers, 1};
}

// Everything a scan needs in memory besides the arguments.
struct Memory {
    Barrier* barriers;  // [workers + 1]
    Tickets* tickets;   // [2]
    int64_t* plan_words;
    ForwardJob job;
};

// Between the lists of two workers, for the reason given in plan.h.
constexpr int64_t kScratchGap = 8192;

int64_t zeros_count(const Layout& l) { return max(max(l.I, l.R), max(l.gate_row, l.padded)) + kAlign; }

// At most one group for each row, and at least one.
int64_t most_groups(int64_t B, int64_t workers) { return max(workers < B ? workers : B, 1); }
int64_t most_seats(int64_t B, int64_t workers) { return seats(B, most_groups(B, workers)); }

// Pieces that forward and backward have in common.
// B: of all parts, T steps. saved_groups: of the saved rows; of the workers there is at most one group for each and for each row.
Memory carve_common(Carver& carver, const Spec& spec, const Layout& l, int64_t T, int64_t B, int64_t workers, int64_t saved_groups, int64_t scratch_bytes) {
    Memory m{};
    const int64_t size = element_size(spec.dtype), seats = most_seats(B, workers);
    m.barriers = carver.array<Barrier>(workers + 1);
    m.tickets = carver.array<Tickets>(2);
    m.plan_words = carver.array<int64_t>(plan_words(T, B, saved_groups));
    m.job.spec = &spec;
    m.job.layout = &l;
    m.job.zeros = carver.bytes(zeros_count(l) * size);
    m.job.c_first = l.has_c ? carver.bytes(B * l.padded * size) : nullptr;
    m.job.reset_h = l.reset_before ? carver.bytes(seats * l.padded * size) : nullptr;
    m.job.seen = (spec.options & (kZoneoutC | kLayerNorm)) && l.has_c ? carver.bytes(seats * l.padded * size) : nullptr;
    m.job.worker_scratch_bytes = round_up(scratch_bytes, 4096) + kScratchGap;
    m.job.worker_scratch = carver.bytes(workers * m.job.worker_scratch_bytes);
    return m;
}

int64_t forward_scratch(const Spec& spec, const Layout& l, int64_t B) {
    const int64_t masked = (spec.options & kDropout) ? B * l.R * element_size(spec.dtype) : 0;
    const int64_t operands = spec.dtype == Dtype::bf16 ? 2 * (block_capacity(kBlockRows, B) * (l.I + 1) + B * (l.R + 1)) : 0;
    const int64_t panel = B * (8 + l.per_panel * l.slots * l.lanes * element_size(spec.dtype));
    return 16 * block_capacity(kBlockRows, B) + 168 * B + masked + operands + panel + 14 * kAlign;
}

int64_t backward_scratch(const Spec& spec, const Layout& l, int64_t B) {
    const int64_t rows = block_capacity(kSegmentRows, B);
    const int64_t widened = spec.dtype == Dtype::bf16 ? B * l.padded * 4 : 0;
    const int64_t sums = B * 4 * l.lanes * element_size(spec.dtype);
    const int64_t steps = (8 * 7 + 168) * B + sums + widened + 13 * kAlign;
    const int64_t segment = 24 * rows + (rows * l.per_panel * l.slots * l.lanes + max(l.I, l.R)) * element_size(spec.dtype) + 9 * kAlign;
    return max(forward_scratch(spec, l, B), max(steps, segment));
}

// What stands before the saved rows: how they lie, and for how many they are.
struct alignas(kAlign) SavedHeader {
    static constexpr uint64_t kMagic = 0x7361766564726f77;  // "savedrow"
    uint64_t magic;
    int64_t B, S;
    int64_t groups;  // in which the rows of a part lie, at most; a part of fewer rows has one for each
};

SavedHeader* carve_header(Carver& carver) { return carver.array<SavedHeader>(1); }

// Saved rows of `rows` steps: gates, then c.
struct Saved {
    void* gates;
    void* c;
};
Saved carve_saved(Carver& carver, const Spec& spec, const Layout& l, int64_t rows) {
    const int64_t size = element_size(spec.dtype);
    return {carver.bytes(rows * l.saved_row * size), l.has_c ? carver.bytes(rows * l.padded * size) : nullptr};
}
void* carve_checkpoints(Carver& carver, const Spec& spec, const Layout& l, int64_t T, int64_t B, int64_t recompute) {
    return l.has_c ? carver.bytes(ceil_div(T, recompute) * B * l.padded * element_size(spec.dtype)) : nullptr;
}

void carve_forward(Carver& carver, const Spec& spec, const Layout& l, int64_t T, int64_t B, int64_t workers, bool save, Memory& m) {
    const int64_t size = element_size(spec.dtype), groups = most_groups(B, workers), seats = most_seats(B, workers);
    m = carve_common(carver, spec, l, T, B, workers, groups, forward_scratch(spec, l, B));
    if (!save) {
        // Row groups differ by one row at most, and each may have a block of its own.
        m.job.group_rows = block_capacity(kBlockRows, B) + kGapRows;
        m.job.gates = carver.bytes((groups * m.job.group_rows - kGapRows) * l.saved_row * size);
        m.job.c = l.has_c ? carver.bytes(seats * l.padded * size) : nullptr;
    }
    const bool apart = l.P || spec.dtype == Dtype::bf16;
    m.job.projected = apart ? carver.bytes(seats * l.padded * size) : nullptr;
    m.job.h_rows = !apart && groups > 1 ? carver.bytes(2 * seats * l.padded * size) : nullptr;
}

// Rounded traces are read from what is saved for backward, and where nothing is, from the same rows in the workspace.
bool traces_saved(const Spec& spec, bool trace) { return trace && spec.dtype == Dtype::bf16; }

void carve_backward(Carver& carver, const Spec& spec, const Layout& l, int64_t T, int64_t B, int64_t recompute, int64_t workers, Memory& m, BackwardJob& b) {
    const int64_t size = element_size(spec.dtype), rows = block_capacity(kSegmentRows, B), seats = most_seats(B, workers);
    // Forward may have had as many groups as rows.
    m = carve_common(carver, spec, l, T, B, workers, max(B, 1), backward_scratch(spec, l, B));
    m.job.projected = l.P || recompute ? carver.bytes(seats * l.padded * size) : nullptr;
    if (recompute) {
        const Saved saved = carve_saved(carver, spec, l, (recompute < T ? recompute : T) * B);
        m.job.gates = saved.gates;
        m.job.c = saved.c;
    }
    b.dc = l.has_c ? carver.bytes(seats * l.padded * size) : nullptr;
    b.carry = carver.bytes(seats * round_up(l.R, l.lanes) * size);
    b.dhp = l.P ? carver.bytes(rows * round_up(l.P, l.lanes) * size) : nullptr;
    b.m = l.P ? carver.bytes(rows * l.padded * size) : nullptr;
    b.row_peephole = (spec.options & kPeephole) ? carver.bytes(B * 3 * l.padded * size) : nullptr;
    b.operand = carver.bytes((left_operand_size(l.I, rows) + left_operand_size(l.R, rows)) * size);
    if (spec.dtype == Dtype::bf16) {
        b.rounded_stride = 32 * (ceil_div(l.gate_row, 32) | 1);
        b.rounded = carver.bytes(rows * b.rounded_stride * 2);
        b.rounded_next = carver.bytes(B * b.rounded_stride * 2);
    }
    b.gradient_x = carver.bytes(l.dx.inner * l.dx.vectors * l.lanes * size);
    b.gradient_h = carver.bytes(l.dh.inner * l.dh.vectors * l.lanes * size);
    b.gradient_n = l.reset_before ? carver.bytes(l.n.inner * l.n.vectors * l.lanes * size) : nullptr;
    b.reset_h = l.reset_before ? carver.bytes(rows * l.padded * size) : nullptr;
    b.dh_rows = l.layer_norm ? carver.bytes(B * 4 * l.padded * size) : nullptr;
    b.row_gains = l.layer_norm ? carver.bytes(B * 2 * (l.gate_row + l.padded) * size) : nullptr;
    b.gradient_bias = carver.bytes(l.gate_row * size);
    b.gradient_p = l.P ? carver.bytes(l.p.inner * l.p.vectors * l.lanes * size) : nullptr;
}

void start(Memory& m, const void* packed, const Sequence& q, int64_t workers) {
    for (int64_t i = 0; i <= workers; ++i) new (m.barriers + i) Barrier();
    for (int64_t i = 0; i < 2; ++i) new (m.tickets + i) Tickets();
    std::memset(const_cast<void*>(m.job.zeros), 0, static_cast<size_t>(zeros_count(*m.job.layout) * element_size(m.job.spec->dtype)));
    m.job.packed = static_cast<const char*>(packed) + sizeof(Header);
    m.job.sequence = &q;
}

int64_t members(const Team& team) { return team.row_groups * team.unit_shares; }

// Workers of backward. The team's run the steps; with one or two rows that is less than all, and the others help with the products of a segment.
int64_t backward_workers(const Spec& spec, const Layout& l, const Team& team, int64_t rows, int64_t workers) {
    // Multiply-adds of these products per worker: some 150 microseconds, as long as it may take to wake a thread that sleeps.
    constexpr int64_t kWorthWorker = 8 * 1000 * 1000;
    const int64_t wanted = rows * l.gate_row * (2 * spec.I + l.R) / kWorthWorker;
    return max(members(team), wanted < workers ? wanted : workers);
}

Worker make_worker(const Team& team, Memory& m, int64_t index, int64_t count) {
    Worker w;
    w.deal = {m.job.plan.ragged, m.job.plan.B, team.row_groups};
    w.unit_shares = team.unit_shares;
    w.row_group = index / team.unit_shares;
    w.unit_share = index % team.unit_shares;
    w.index = index;
    w.count = count;
    w.scans = w.row_group < team.row_groups;
    w.first_slot = w.deal.first(w.row_group);
    w.own_rows = w.deal.first(w.row_group + 1) - w.first_slot;
    w.all = m.barriers;
    w.group = m.barriers + 1 + w.row_group;
    w.inputs = m.tickets;
    w.weights = m.tickets + 1;
    return w;
}

// Workers of each of `count` scans.
int64_t workers_of(int64_t count, int64_t threads) { return threads <= count ? 1 : threads % count ? threads : threads / count; }

// Calls run(scan, worker index, workers) for every scan on a team: side by side where the threads can be divided among them, else in turn.
template <class F>
void on_teams(int64_t count, int32_t threads, F&& run) {
    const auto member = [&](int64_t thread, int64_t n) {
        if (n <= count)
            for (int64_t i = thread; i < count; i += n) run(i, 0, 1);
        else if (n % count)
            for (int64_t i = 0; i < count; ++i) run(i, thread, n);
        else
            run(thread % count, thread / count, n / count);
    };
    on_threads(threads, member);
}

constexpr int64_t kMaxScans = 8;

// Training takes a batch in parts, each a scan of its own with sums of its own for the gradients of the parameters, which are added up in the end. So
// workers that have a part each share nothing that is written, and the sums are the same however many workers there are. Fewer rows would fill a
// worker's register tiles worse.
constexpr int64_t kMaxParts = 2;
constexpr int64_t kRowsOfPart = 8;
int64_t parts_of(int64_t B) { return B >= kMaxParts * kRowsOfPart ? kMaxParts : 1; }

// While it exists and is `on`, its thread takes numbers too small for a normal exponent as zero, as products of bfloat16 pairs always do. A
// gradient that fades over hundreds of steps ends among them, where the processor needs some hundred times as long for each operation, and they
// carry nothing: the backward pass was up to ten times slower where the loss stands at the end of long rows.
class FlushSubnormals {
#if defined(UNROLL_X86)
    static constexpr unsigned int kBits = 0x8040;  // flush results to zero, take operands as zero
    const unsigned int before_ = _mm_getcsr();

public:
    explicit FlushSubnormals(bool on) {
        if (on) _mm_setcsr(before_ | kBits);
    }
    ~FlushSubnormals() { _mm_setcsr(before_); }
#elif defined(UNROLL_READ_FPCR)
    static constexpr uint64_t kBits = uint64_t{1} << 24;  // FPCR.FZ
    uint64_t before_ = 0;

public:
    explicit FlushSubnormals(bool on) {
        UNROLL_READ_FPCR(before_);
        if (on) UNROLL_WRITE_FPCR(before_ | kBits);
    }
    ~FlushSubnormals() { UNROLL_WRITE_FPCR(before_); }
#else
public:
    explicit FlushSubnormals(bool) {}
    ~FlushSubnormals() {}
#endif
    FlushSubnormals(const FlushSubnormals&) = delete;
    FlushSubnormals& operator=(const FlushSubnormals&) = delete;
};

}  // namespace

const char* message(Status status) {
    switch (status) {
        case Status::ok: return "no error";
        case Status::bad_size: return "a size is out of range";
        case Status::bad_length: return "a length is negative or greater than the number of steps";
        case Status::bad_option: return "the cell does not have this option, or two options exclude each other";
        case Status::unsupported: return "the native engine does not have this combination of cell, element type and options";
        case Status::missing_pointer: return "a buffer that this call needs is missing";
        case Status::packed_mismatch: return "the packed weights were made for another cell, size, instruction set or purpose";
        case Status::saved_mismatch: return "what was saved for backward does not come from a forward pass over as many rows and steps";
        case Status::unknown_level: return "no such instruction set; expected scalar, avx2, avx512, avx512bf16 or neon";
        default: return "this CPU or this build does not have the instruction set";
    }
}

int64_t packed_size(const Spec& spec, bool training) {
    if (bf16::widens(spec)) return bf16::packed_size(spec, training);
    const Status status = check(spec);
    if (status != Status::ok) return -static_cast<int64_t>(status);
    return static_cast<int64_t>(sizeof(Header)) + layout_of(spec, training).total * element_size(spec.dtype);
}

Status pack(const Spec& spec, const Params& params, bool training, void* packed, int32_t threads) {
    if (bf16::widens(spec)) return bf16::pack(spec, params, training, packed, threads);
    const Status status = check(spec);
    if (status != Status::ok) return status;
    const CellFacts& facts = facts_of(spec.cell);
    const bool recurrent = facts.h_gates > 0;
    if (!packed || !params.weight_ih || (recurrent && (!params.weight_hh || !params.bias_ih != !params.bias_hh)) || (spec.P && !params.weight_hr) ||
        ((spec.options & kPeephole) && !params.weight_peephole) || ((spec.options & kLayerNorm) && (!params.gain_ih || !params.gain_hh)) ||
        ((spec.options & kLayerNorm) && facts.has_c && (!params.gain_c || !params.shift_c)))
        return Status::missing_pointer;
    const Layout l = layout_of(spec, training);
    Header h{};
    h.magic = kMagic;
    h.level = level();
    h.training = training;
    h.cell = spec.cell;
    h.dtype = spec.dtype;
    h.options = spec.options;
    h.I = spec.I;
    h.H = spec.H;
    h.P = spec.P;
    h.layout = layout_of(spec, false);
    std::memcpy(packed, &h, sizeof h);
    void* body = static_cast<char*>(packed) + sizeof(Header);
    const TypeKernels& k = type_kernels(spec.dtype);
    // Below about a hundred thousand weights starting the threads costs more than they save.
    if (l.total < 100000) threads = 1;
    on_teams(1, threads, [&](int64_t, int64_t index, int64_t count) { k.pack(spec, l, params, training, body, index, count); });
    return Status::ok;
}

int64_t saved_size(const Spec& spec, int64_t T, int64_t B, int64_t S, int64_t recompute) {
    if (bf16::widens(spec)) return bf16::saved_size(spec, T, B, S, recompute);
    const Status status = check(spec);
    if (status != Status::ok) return -static_cast<int64_t>(status);
    const Layout l = layout_of(spec, false);
    Carver carver{nullptr};
    carve_header(carver);
    if (recompute)
        carve_checkpoints(carver, spec, l, T, B, recompute);
    else
        carve_saved(carver, spec, l, S);
    return carver.used;
}

int64_t forward_workspace_size(const Spec& spec, int64_t T, int64_t B, bool trace, int32_t threads) {
    if (bf16::widens(spec)) return bf16::forward_workspace_size(spec, T, B, trace, threads);
    const Status status = check(spec);
    if (status != Status::ok) return -static_cast<int64_t>(status);
    const Layout l = layout_of(spec, false);
    Memory m;
    Carver carver{nullptr}, parts{nullptr};
    carve_forward(carver, spec, l, T, B, max(threads, 1), false, m);
    if (traces_saved(spec, trace)) carve_saved(carver, spec, l, T * B);
    for (int64_t part = 0; part < parts_of(B); ++part) carve_forward(parts, spec, l, T, B, max(threads, 1), true, m);
    return max(carver.used, parts.used);
}

Status forward(const Spec& spec, const Forward* scans, int64_t count) {
    if (bf16::widens(spec)) return bf16::forward(spec, scans, count);
    Status status = check(spec);
    if (status != Status::ok) return status;
    if (count < 1 || count > kMaxScans) return Status::bad_size;
    const int64_t threads = max(scans[0].threads, 1);
    // Packed for training or not, the sections that forward reads come first and lie in the same place.
    const Layout l = layout_of(spec, false);
    Memory memory[kMaxScans * kMaxParts];
    int64_t jobs = 0, wanted = 0;
    for (int64_t i = 0; i < count; ++i) jobs += scans[i].saved && !scans[i].recompute ? parts_of(scans[i].sequence.B) : 1;
    const int64_t workers = workers_of(jobs, threads);
    jobs = 0;
    for (int64_t i = 0; i < count; ++i) {
        const Forward& a = scans[i];
        if ((status = check_packed(spec, a.packed, false)) != Status::ok) return status;
        if ((status = check_sequence(spec, a.sequence)) != Status::ok) return status;
        if (!a.workspace || (!a.y && a.sequence.T && a.sequence.B)) return Status::missing_pointer;
        const bool save = a.saved && !a.recompute, trace = traces_saved(spec, a.trace_gates || a.trace_c);
        const int64_t B = a.sequence.B, parts = save ? parts_of(B) : 1, groups = make_team(l, l.panels, ceil_div(B, parts), workers).row_groups;
        Carver carver{static_cast<char*>(a.workspace)}, saved{static_cast<char*>(a.saved)};
        SavedHeader* const header = a.saved ? carve_header(saved) : nullptr;
        int64_t S = 0;
        for (int64_t part = 0; part < parts; ++part) {
            Memory& m = memory[jobs++];
            carve_forward(carver, spec, l, a.sequence.T, B, threads, save || trace, m);
            start(m, a.packed, a.sequence, threads);
            ForwardJob& j = m.job;
            if (!order_rows(a.sequence, m.plan_words, part, parts, j.plan)) return Status::bad_length;
            const Team team = make_team(l, l.panels, j.plan.B, workers);
            place_rows(j.plan, team.row_groups, most_groups(j.plan.B, groups), 0, S);
            S += j.plan.S;
            wanted += members(team);
            if (team.row_groups == 1) j.h_rows = nullptr;
            j.save = save || trace;
            j.y = a.y;
            j.y_known = a.y;
            j.y_stride_t = a.y_stride_t;
            j.y_stride_b = a.y_stride_b;
            j.trace_gates = a.trace_gates;
            j.trace_c = a.trace_c;
            j.h_n = a.h_n;
            j.c_n = l.has_c ? a.c_n : nullptr;
            j.begin = 0;
            j.end = j.plan.steps;
            // An empty y still has last states.
            if (!j.y) j.y = const_cast<void*>(j.zeros);
        }
        if (header) *header = {SavedHeader::kMagic, B, S, groups};
        if (save || trace) {
            const Saved rows = carve_saved(save ? saved : carver, spec, l, S);
            for (Memory* m = memory + jobs - parts; m < memory + jobs; ++m) {
                m->job.gates = rows.gates;
                m->job.c = rows.c;
            }
        }
        if (a.saved && !save) {
            memory[jobs - 1].job.c_checkpoints = carve_checkpoints(saved, spec, l, a.sequence.T, B, a.recompute);
            memory[jobs - 1].job.recompute = a.recompute;
        }
    }
    const auto kernel = type_kernels(spec.dtype).forward[static_cast<int>(spec.cell)];
    // Threads that would find nothing to do are not woken.
    on_teams(jobs, static_cast<int32_t>(jobs == 1 ? wanted : threads), [&](int64_t job, int64_t index, int64_t workers) {
        Memory& m = memory[job];
        const Team team = make_team(l, l.panels, m.job.plan.B, workers);
        if (index >= members(team)) return;
        const FlushSubnormals flush(spec.dtype == Dtype::bf16);
        kernel(m.job, make_worker(team, m, index, members(team)));
    });
    return Status::ok;
}

int64_t backward_workspace_size(const Spec& spec, int64_t T, int64_t B, int64_t S, int64_t recompute, int32_t threads) {
    if (bf16::widens(spec)) return bf16::backward_workspace_size(spec, T, B, S, recompute, threads);
    (void)S;
    const Status status = check(spec);
    if (status != Status::ok) return -static_cast<int64_t>(status);
    const Layout l = layout_of(spec, true);
    Memory m;
    BackwardJob b{};
    Carver carver{nullptr};
    for (int64_t part = 0; part < parts_of(B); ++part) carve_backward(carver, spec, l, T, B, recompute, max(threads, 1), m, b);
    return carver.used;
}

Status backward(const Spec& spec, const Backward* scans, int64_t count) {
    if (bf16::widens(spec)) return bf16::backward(spec, scans, count);
    Status status = check(spec);
    if (status != Status::ok) return status;
    if (count < 1 || count > kMaxScans) return Status::bad_size;
    const int64_t threads = max(scans[0].threads, 1);
    const Layout l = layout_of(spec, true);
    const auto team_of = [&](int64_t B, int64_t workers) { return make_team(l, ceil_div(l.unit_vectors, 4), B, workers); };
    Memory memory[kMaxScans * kMaxParts];
    BackwardJob jobs[kMaxScans * kMaxParts]{};
    int64_t first_job[kMaxScans + 1] = {0};
    for (int64_t i = 0; i < count; ++i) first_job[i + 1] = first_job[i] + parts_of(scans[i].sequence.B);
    const int64_t all_jobs = first_job[count], workers = workers_of(all_jobs, threads);
    for (int64_t i = 0; i < count; ++i) {
        const Backward& a = scans[i];
        if ((status = check_packed(spec, a.packed, true)) != Status::ok) return status;
        if ((status = check_sequence(spec, a.sequence)) != Status::ok) return status;
        if (!a.workspace || !a.saved || (!a.y && a.sequence.T && a.sequence.B)) return Status::missing_pointer;
        const int64_t B = a.sequence.B, T = a.sequence.T, parts = parts_of(B);
        Carver carver{static_cast<char*>(a.workspace)}, saved{static_cast<char*>(a.saved)};
        const SavedHeader header = *carve_header(saved);
        if (header.magic != SavedHeader::kMagic || header.B != B || header.groups < 1 || header.groups > max(B, 1)) return Status::saved_mismatch;
        int64_t S = 0;
        for (int64_t k = first_job[i]; k < first_job[i + 1]; ++k) {
            Memory& m = memory[k];
            carve_backward(carver, spec, l, T, B, a.recompute, threads, m, jobs[k]);
            start(m, a.packed, a.sequence, threads);
            ForwardJob& j = m.job;
            if (!order_rows(a.sequence, m.plan_words, k - first_job[i], parts, j.plan)) return Status::bad_length;
            // Where rows are computed again they lie as these workers have them, each part in memory of its own.
            const int64_t own_groups = team_of(j.plan.B, workers).row_groups;
            if (a.recompute)
                place_rows(j.plan, own_groups, own_groups, a.recompute < T ? a.recompute : T, 0);
            else
                place_rows(j.plan, own_groups, most_groups(j.plan.B, header.groups), 0, S);
            S += j.plan.S;
            j.recompute = a.recompute;
            j.save = true;
            j.y_known = a.y;
            j.y_stride_t = a.y_stride_t;
            j.y_stride_b = a.y_stride_b;
            jobs[k].args = &a;
        }
        if (header.S != S) return Status::saved_mismatch;
        const Saved rows = a.recompute ? Saved{} : carve_saved(saved, spec, l, S);
        void* const checkpoints = a.recompute ? carve_checkpoints(saved, spec, l, T, B, a.recompute) : nullptr;
        for (int64_t k = first_job[i]; k < first_job[i + 1]; ++k) {
            ForwardJob& j = memory[k].job;
            j.c_checkpoints = checkpoints;
            if (!a.recompute) {
                j.gates = rows.gates;
                j.c = rows.c;
            }
            jobs[k].forward = j;
        }
    }
    const TypeKernels& kernels = type_kernels(spec.dtype);
    const auto kernel = kernels.backward[static_cast<int>(spec.cell)];
    const auto all_of = [&](int64_t job, int64_t workers) {
        const Plan& plan = memory[job].job.plan;
        return backward_workers(spec, l, team_of(plan.B, workers), plan.S, workers);
    };
    on_teams(all_jobs, static_cast<int32_t>(all_jobs == 1 ? all_of(0, threads) : threads), [&](int64_t job, int64_t index, int64_t workers) {
        const int64_t all = all_of(job, workers);
        if (index >= all) return;
        const FlushSubnormals flush(true);
        kernel(jobs[job], make_worker(team_of(memory[job].job.plan.B, workers), memory[job], index, all));
    });
    constexpr int64_t kWorthThread = 50 * 1000;  // weights per thread that are worth waking it once more
    const int64_t weights = l.gates * l.H * (l.I + l.R);
    const int64_t finishing = weights / kWorthThread < threads ? max(weights / kWorthThread, 1) : threads;
    on_teams(1, static_cast<int32_t>(finishing), [&](int64_t, int64_t index, int64_t workers) {
        const FlushSubnormals flush(true);
        for (int64_t i = 0; i < count; ++i) kernels.finish(jobs + first_job[i], first_job[i + 1] - first_job[i], index, workers);
    });
    return Status::ok;
}

namespace {

struct StepMemory {
    int64_t* order;
    char* y;
    Memory memory;
};

void carve_step(Carver& carver, const Spec& spec, const Layout& l, int64_t B, StepMemory& s) {
    carve_forward(carver, spec, l, 1, B, 1, false, s.memory);
    s.order = carver.array<int64_t>(B);
    s.y = carver.bytes(B * l.R * element_size(spec.dtype));
}

}  // namespace

int64_t step_workspace_size(const Spec& spec, int64_t B) {
    if (bf16::widens(spec)) return bf16::step_workspace_size(spec, B);
    const Status status = check(spec);
    if (status != Status::ok) return -static_cast<int64_t>(status);
    StepMemory s{};
    Carver carver{nullptr};
    carve_step(carver, spec, layout_of(spec, false), B, s);
    return carver.used;
}

Status step(const Spec& spec, const Step& a) {
    if (bf16::widens(spec)) return bf16::step(spec, a);
    const Status status = check_packed(spec, a.packed, false);
    if (status != Status::ok) return status;
    const Layout& l = static_cast<const Header*>(a.packed)->layout;
    StepMemory s{};
    Carver carver{static_cast<char*>(a.workspace)};
    carve_step(carver, spec, l, a.B, s);
    Sequence q{};
    q.T = 1;
    q.B = a.B;
    q.x = a.x;
    q.x_stride_b = a.x_stride_b;
    q.h0 = a.h;
    q.c0 = a.c;
    ForwardJob& j = s.memory.job;
    j.packed = static_cast<const char*>(a.packed) + sizeof(Header);
    j.sequence = &q;
    for (int64_t b = 0; b < a.B; ++b) s.order[b] = b;
    j.plan = Plan{1, a.B, a.B, 1, false, nullptr, s.order, nullptr, s.order, a.B, 1, nullptr, nullptr, nullptr, nullptr};
    // Units that finish first would overwrite the h that the others still read: y is apart from both, and copied at the end.
    j.y = s.y;
    j.y_known = s.y;
    j.y_stride_b = l.R;
    j.h_n = a.h_next;
    j.c_n = l.has_c ? a.c_next : nullptr;
    j.end = 1;
    // Without projection and layer norm only a register tile reads them, at most four vectors.
    const int64_t zeros = l.P || (spec.options & kLayerNorm) ? zeros_count(l) : 4 * l.lanes;
    std::memset(const_cast<void*>(j.zeros), 0, static_cast<size_t>(zeros * element_size(spec.dtype)));
    Barrier barrier;
    const Worker w{0, {false, a.B, 1}, 0, 1, 0, 1, true, 0, a.B, &barrier, &barrier, nullptr, nullptr};
    const FlushSubnormals flush(spec.dtype == Dtype::bf16);
    type_kernels(spec.dtype).forward[static_cast<int>(spec.cell)](j, w);
    return Status::ok;
}

double fma_peak(Dtype dtype, int32_t threads, double seconds) {
    const auto now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
    const auto peak = type_kernels(dtype).peak;
    double best = 0;
    const double end = now() + seconds;
    do {
        std::atomic<int64_t> done{0};
        const double begin = now();
        on_threads(threads, [&](int64_t, int64_t) { done += static_cast<int64_t>(peak(100000)); });
        const double rate = static_cast<double>(done) / (now() - begin);
        best = rate > best ? rate : best;
    } while (now() < end);
    return best;
}

}  // namespace unroll
