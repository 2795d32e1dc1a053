// bfloat16 by way of the float32 kernels: tensors are converted at the edges, every product and the state inside a call are float32.
//
// That is the accurate way, and on a CPU without bfloat16 products also the fastest one: its float32 units are the only ones there are. Levels
// with products of pairs take their own kernels instead for what those know.
// State that leaves a call is rounded, so a stream cut into chunks gives the same bits as the whole only where its cuts fall on the same steps.
#pragma once

#include "../scan/api.h"

namespace unroll {
namespace bf16 {

// Whether this way is taken at the level in force. It depends on nothing but the Spec, since packed weights are made for one way.
bool widens(const Spec& spec);

int64_t packed_size(const Spec& spec, bool training);
Status pack(const Spec& spec, const Params& params, bool training, void* packed, int32_t threads);
int64_t saved_size(const Spec& spec, int64_t T, int64_t B, int64_t S, int64_t recompute);
int64_t forward_workspace_size(const Spec& spec, int64_t T, int64_t B, bool trace, int32_t threads);
Status forward(const Spec& spec, const Forward* scans, int64_t count);
int64_t backward_workspace_size(const Spec& spec, int64_t T, int64_t B, int64_t S, int64_t recompute, int32_t threads);
Status backward(const Spec& spec, const Backward* scans, int64_t count);
int64_t step_workspace_size(const Spec& spec, int64_t B);
Status step(const Spec& spec, const Step& args);

}  // namespace bf16
}  // namespace unroll
