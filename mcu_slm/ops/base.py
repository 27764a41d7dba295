"""What every operator module builds on.

A checked view of a node, and the shape of a parsed operator.

An operator module has one function, `parse(view) -> Operator`, and one frozen dataclass of integers
derived from `Operator`. Everything the rest of the compiler asks is a method of that dataclass: the
NumPy reference, the constants that go to flash, the C call, the cost.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import ModelError, UnsupportedOperatorError
from mcu_slm.ir import Graph, Node, Tensor
from mcu_slm.quant import INT8_MAX, INT8_MIN, INT32_MAX, Multiplier

Int8: TypeAlias = npt.NDArray[np.int8]
Activations: TypeAlias = npt.NDArray[Any]
"""Values of whatever type a tensor has; most layers work on int8 only."""

PLAIN_TYPES = ("bool", "int32", "int64", "float32")
"""Types whose values stand for themselves, without scale and zero point."""

MAX_SHIFT = 30
_LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant array of the generated code.

    `is_weight` marks bytes of a constant tensor of the model; everything else (multipliers, shifts,
    tables) counts as code.
    """

    suffix: str
    data: npt.NDArray[Any]
    is_weight: bool = False
    comment: str = ""


@dataclass(frozen=True)
class GeneratedKernel:
    """A kernel that is made for a model's shapes: `name`.c and `name`.h.

    They come from `kernels/<template>.c.j2` and `.h.j2`, filled with the fields of `values`, a
    frozen dataclass. Layers with equal kernels share them.
    """

    name: str
    template: str
    values: Any


@dataclass(frozen=True)
class Arguments:
    """The C expressions that a call is made of: activations and constants by name.

    `scratch` is a byte pointer to the operator's `scratch_bytes`, empty where it wants none.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: dict[str, str]
    scratch: str = ""


@dataclass(frozen=True, eq=False)
class Operator(ABC):
    """One layer, reduced to integers.

    Shapes: activations passed to `reference` carry one leading axis of windows: [windows, *tensor
        shape].
    """

    kernels: ClassVar[tuple[str, ...]] = ()
    """Names of the C kernels (files `kernels/<name>.c`) that the call needs."""

    costs_as: ClassVar[str] = ""
    """The kernel among whose measured costs this layer's stand, where that is another one's."""

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """The kernels that the call needs and that are made for this layer's shapes."""
        return ()

    @property
    def parts(self) -> tuple[tuple[int, Operator], ...]:
        """Layers that this one is made of, with how often each runs: their costs add up."""
        return ()

    activations: ClassVar[tuple[int, ...]] = (0,)
    """Positions among the node's inputs that are read at run time.

    `reference` and `call` get these, in this order.
    """

    states: ClassVar[tuple[int, ...]] = ()
    """Positions among the node's inputs that are state: kept from one inference to the next.

    `reference` gets their values behind the activations, with one window, and returns their new
    values behind the outputs; `call` gets their places behind those of the activations.
    """

    @abstractmethod
    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Return the outputs in NumPy, byte for byte what the judge gives."""

    @abstractmethod
    def call(self, arguments: Arguments) -> str:
        """Return the C statements of the layer, unindented."""

    def constants(self) -> tuple[Constant, ...]:
        """Return the arrays that the call reads from flash."""
        return ()

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one inference."""
        return 0

    def features(self) -> dict[str, float]:
        """Return what the time of the layer's kernels is linear in: how often its loops go round.

        Empty where nobody has stated it; then there is no prediction of the layer's cost. See
        `features.py` and `mcu_slm.costs`.
        """
        return {}

    @property
    def scratch_bytes(self) -> int:
        """Bytes of working memory in the arena during the call, aligned to words."""
        return 0

    @property
    def continues(self) -> int | None:
        """Which of the activations the output continues: it has its place, and its other bytes."""
        return None

    @property
    def spent_weight_bytes(self) -> int:
        """Bytes of weights beyond those of the file, spent on speed."""
        return 0

    def clearance(self, position: int) -> int | None:  # noqa: ARG002
        """Return how many bytes below an input the output must start if the two share memory.

        `position` counts the `activations`. The layer then overwrites an input that no later layer
        needs, always behind the bytes that it has yet to read. None: it needs the input whole.
        """
        return None

    def is_level(self, position: int) -> bool:  # noqa: ARG002
        """Return whether the output may start where an input does, if the two share memory.

        For layers that take channel by channel: an output then lies on an input of its own channel.
        """
        return False

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the derived multipliers and shifts, for comparison and for difference reports."""
        return ()

    def accumulators(self, inputs: Sequence[Int8]) -> npt.NDArray[np.int64] | None:  # noqa: ARG002
        """Return the int32 sums before requantisation, in output order.

        None where there is no such thing.
        """
        return None

    def summary(self) -> str:
        """Return the facts a reader of the generated C wants beside the shapes.

        Window, stride, activation.
        """
        return ""


def short_name(name: str) -> str:
    """Return a tensor name for people.

    Exporters join the names of all fused layers with `;`, the first is enough.
    """
    first = name.split(";", maxsplit=1)[0]
    return first if len(first) <= _LONGEST_NAME else "..." + first[-_LONGEST_NAME:]


@dataclass(frozen=True, eq=False)
class NodeView:
    """A node with its tensors, for `parse` functions.

    Every access is checked and names the layer when it fails.
    """

    graph: Graph
    node: Node
    index: int

    @property
    def where(self) -> str:
        """The layer as an error message calls it."""
        name = self.graph.layer_name(self.node)
        return f"layer {self.index} {short_name(name)} ({self.node.op})"

    def fail(self, found: str, expected: str = "", remedy: str = "") -> NoReturn:
        """Raise the error for a model that contradicts itself."""
        raise ModelError(self.where, found, expected, remedy or "Export the model again.")

    def unsupported(self, found: str, expected: str = "", remedy: str = "") -> NoReturn:
        """Raise the error for a legal model that has no kernel here."""
        raise UnsupportedOperatorError(self.where, found, expected, remedy)

    def require(self, condition: bool, found: str, expected: str = "") -> None:
        """Raise the error for a self-contradicting model unless `condition` holds."""
        if not condition:
            self.fail(found, expected)

    def expect_count(self, inputs: tuple[int, ...], outputs: int = 1) -> None:
        """Check the number of inputs (any of `inputs`) and outputs."""
        if len(self.node.inputs) not in inputs:
            self.fail(f"{len(self.node.inputs)} inputs", " or ".join(map(str, inputs)))
        if len(self.node.outputs) != outputs:
            self.fail(f"{len(self.node.outputs)} outputs", str(outputs))

    def option(self, name: str, default: Any = None) -> Any:
        """Return an option of the operator, `default` when its table is absent."""
        value = self.node.options.get(name, default)
        if value is None:
            self.fail(f"option {name} is missing")
        return value

    def input(self, position: int) -> Tensor:
        """Return an input tensor that must be there."""
        tensor = self.optional_input(position)
        if tensor is None:
            self.fail(f"input {position} is missing")
        return tensor

    def optional_input(self, position: int) -> Tensor | None:
        """Return an input tensor, None when it is omitted."""
        if position >= len(self.node.inputs) or self.node.inputs[position] < 0:
            return None
        return self.graph.tensor(self.node.inputs[position])

    def output(self, position: int = 0) -> Tensor:
        """Return an output tensor."""
        return self.graph.tensor(self.node.outputs[position])

    def int8(self, tensor: Tensor) -> tuple[float, int]:
        """Return scale and zero point of a per-tensor quantised int8 tensor."""
        return self.quantized(tensor, ("int8",))

    def quantized(self, tensor: Tensor, dtypes: tuple[str, ...]) -> tuple[float, int]:
        """Return scale and zero point of a per-tensor quantised tensor of one of some types."""
        self.expect_type(tensor, dtypes)
        quantization = tensor.quantization
        if quantization is None:
            self.fail(f"{tensor.name} has no scale", "a per-tensor scale and zero point")
        if quantization.per_channel:
            self.fail(f"{tensor.name} has {len(quantization.scales)} scales", "one")
        bounds = np.iinfo(tensor.dtype)
        if not bounds.min <= quantization.zero_point <= bounds.max:
            self.fail(
                f"{tensor.name}: zero point is {quantization.zero_point}",
                f"{bounds.min} to {bounds.max}",
            )
        return quantization.scale, quantization.zero_point

    def expect_type(self, tensor: Tensor, dtypes: tuple[str, ...]) -> None:
        """Check that a tensor is of one of some types."""
        if tensor.dtype not in dtypes:
            self.unsupported(
                f"{tensor.name} has type {tensor.dtype}",
                " or ".join(dtypes),
                "Quantise the model fully to int8; only its inputs and outputs may be float.",
            )

    def constant(self, tensor: Tensor, dtype: str) -> npt.NDArray[Any]:
        """Return the data of a tensor that must be constant."""
        if tensor.dtype == "float32":
            self.expect_type(tensor, (dtype,))
        if tensor.data is None:
            self.unsupported(f"{tensor.name} is computed at run time", "a constant")
        if tensor.dtype != dtype:
            self.unsupported(f"{tensor.name} has type {tensor.dtype}", dtype)
        return tensor.data

    def require_same_type(self, *tensors: Tensor, dtypes: tuple[str, ...] = ("int8",)) -> None:
        """Check that a layer which only moves elements has one type on every side.

        That is a plain type or one of `dtypes`. The judge does not compare the scales of such a
        layer, and moves the bytes whatever they mean; converters leave scales behind that differ
        in the last digits.
        """
        dtype = tensors[0].dtype
        for tensor in tensors:
            if dtype in PLAIN_TYPES:
                self.require(tensor.dtype == dtype, f"{tensor.name} has type {tensor.dtype}", dtype)
            else:
                self.quantized(tensor, (dtype,) if dtype in dtypes else dtypes)

    def same_quantization(self, first: Tensor, second: Tensor) -> None:
        """Check that two tensors have one scale and zero point, where the judge insists on it."""
        self.require_same_type(first, second)
        if first.dtype not in PLAIN_TYPES and self.int8(first) != self.int8(second):
            self.fail(
                f"{first.name} and {second.name} have different scales or zero points", "the same"
            )

    def multiplier(self, multiplier: Multiplier) -> Multiplier:
        """Return a multiplier whose shift the kernels can do."""
        if multiplier.shift > MAX_SHIFT:
            self.fail(
                f"output scale needs a left shift of {multiplier.shift}", f"at most {MAX_SHIFT}"
            )
        return multiplier

    def activation_range(self, tensor: Tensor) -> tuple[int, int]:
        """Return act_min and act_max of the fused activation in quantised units of `tensor`."""
        scale, zero_point = self.int8(tensor)
        return activation_range(
            self, self.option("fused_activation_function", "NONE"), scale, zero_point
        )


def activation_range(
    view: NodeView, activation: str, scale: float, zero_point: int
) -> tuple[int, int]:
    """Return the clamp of a fused activation.

    Source: TensorFlow Lite's CalculateActivationRangeQuantized: bounds are divided by the float32
        scale in float32 and rounded half away from zero.
    """

    def quantize(real: float) -> int:
        view.require(
            abs(real) / scale < INT32_MAX, f"{activation} at scale {scale!r}", "a larger scale"
        )
        ratio = float(np.float32(real) / np.float32(scale))
        return zero_point + int(np.floor(abs(ratio) + 0.5)) * (1 if ratio >= 0 else -1)

    low, high = INT8_MIN, INT8_MAX
    if activation == "RELU":
        low = max(low, zero_point)
    elif activation == "RELU6":
        low, high = max(low, zero_point), min(high, quantize(6.0))
    elif activation == "RELU_N1_TO_1":
        low, high = max(low, quantize(-1.0)), min(high, quantize(1.0))
    elif activation != "NONE":
        view.unsupported(f"fused activation {activation}", "NONE, RELU, RELU6 or RELU_N1_TO_1")
    return low, high


def struct_call(
    kind: str, function: str, fields: dict[str, object], arguments: Sequence[str]
) -> str:
    """Return a C call whose parameters stand in a constant struct with named fields."""
    lines = [f"static const {kind} layer = {{"]
    lines += [f"    .{name} = {value}," for name, value in fields.items()]
    lines += ["};", f"{function}(&layer, {', '.join(arguments)});"]
    return "\n".join(lines)
