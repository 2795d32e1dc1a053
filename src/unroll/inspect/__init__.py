"""The view inside: traces of memory, and what is measured on them."""

from unroll.inspect.capacity import MemoryCapacity, memory_capacity
from unroll.inspect.context import ContextCost, context_cost
from unroll.inspect.flags import Flag, Unit, find_flags, units_on_at
from unroll.inspect.gates import GateUse, gate_time_scales, gate_use
from unroll.inspect.gradients import GradientByLag, gradient_by_lag, time_scale
from unroll.inspect.held import Held, held
from unroll.inspect.jacobians import (
    RecurrentMatrix,
    jacobian_products,
    lyapunov_exponents,
    recurrent_matrices,
    step_jacobians,
)
from unroll.inspect.saliency import (
    gradient_times_input,
    gradient_times_input_by_step,
    integrated_gradients,
    occlusion,
)
from unroll.inspect.trace import Attention, Trace, Track, trace
from unroll.inspect.view import Looks, Searched, View
from unroll.inspect.viewed import view_of

__all__ = [
    "Attention",
    "ContextCost",
    "Flag",
    "GateUse",
    "GradientByLag",
    "Held",
    "Looks",
    "MemoryCapacity",
    "RecurrentMatrix",
    "Searched",
    "Trace",
    "Track",
    "Unit",
    "View",
    "context_cost",
    "find_flags",
    "gate_time_scales",
    "gate_use",
    "gradient_by_lag",
    "gradient_times_input",
    "gradient_times_input_by_step",
    "held",
    "integrated_gradients",
    "jacobian_products",
    "lyapunov_exponents",
    "memory_capacity",
    "occlusion",
    "recurrent_matrices",
    "step_jacobians",
    "time_scale",
    "trace",
    "units_on_at",
    "view_of",
]
