"""A graph in the making: which tensors there are to read, and how new ones come about."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.ops.base import PLAIN_TYPES
from tests.prove.numbers import MOST_ELEMENTS, Numbers, Shape
from tests.prove.states import States

Quantized = tuple[float, int]

RANKS = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 6)
"""Ranks of inputs where an operator takes any."""

_TRIES = 200
_NEWEST = 3
_ADAPTED = 0.7
_CONSTANT = 0.01


@dataclass(frozen=True)
class Value:
    """A tensor that operators may read.

    `at_least_zero`: no value lies below the zero point. Of float32 tensors `scale` is the usual
    step and `largest` bounds the magnitude; 0 as long as nobody knows. Whole numbers of scale 0
    have none in the file.
    """

    number: int
    shape: Shape
    dtype: str = "int8"
    scale: float = 1.0
    zero_point: int = 0
    at_least_zero: bool = False
    largest: float = 0.0

    @property
    def quantized(self) -> Quantized:
        return self.scale, self.zero_point

    @property
    def count(self) -> int:
        return math.prod(self.shape)


Wanted = Callable[[Value], bool]


class Draft(Numbers):
    """Collects operators; `room` says how many more may come."""

    def __init__(self, rng: np.random.Generator, operators: int, description: str) -> None:
        super().__init__(rng)
        self.builder = GraphBuilder(description=description)
        self.states = States(self, self.builder)
        self.room = operators
        self.inputs: list[int] = []
        self.values: list[Value] = []
        self._read: set[int] = set()

    # --- Tensors to read

    def take(
        self,
        ranks: Container[int] = range(7),
        wanted: Wanted = lambda _: True,
        dtype: str = "int8",
        *,
        constant: bool = True,
    ) -> Value:
        """Return a tensor of a type and rank that is `wanted`.

        Mostly one that is there, the newest ones first; else one that is there in another shape;
        else a new input of the graph. Now and then a constant, which exporters should have folded;
        never when `constant` is false.
        """

        def fits(value: Value) -> bool:
            return value.dtype == dtype and wanted(value)

        if constant and dtype == "int8" and self.chance(_CONSTANT):
            value = self._wanted(ranks, fits, dtype)
            return replace(value, number=self.int8_constant(value.shape, value.quantized))
        found = [value for value in self.values if len(value.shape) in ranks and fits(value)]
        if found and self.chance(0.9):
            return self.pick(found[-_NEWEST:] if self.chance(0.6) else found)
        if dtype == "int8" and self.room > 1 and self.chance(_ADAPTED):
            adapted = self._adapted(ranks, fits)
            if adapted is not None:
                return adapted
        return self.add_input(self._wanted(ranks, fits, dtype))

    def _adapted(self, ranks: Container[int], fits: Wanted) -> Value | None:
        """Return a reshaped tensor, None where no shape that was tried is wanted."""
        sources = [value for value in self.values if value.dtype == "int8"]
        for _ in range(8 if sources else 0):
            source = self.pick(sources)
            rank = self.pick([rank for rank in RANKS if rank in ranks])
            shape = self.factors(source.count, rank)
            if shape is not None and fits(replace(source, shape=shape)):
                target = self.output("RESHAPE", shape, source.quantized, source.at_least_zero)
                self.node("RESHAPE", [source.number], [target], new_shape=shape)
                return target
        return None

    def factors(self, count: int, rank: int) -> Shape | None:
        """Return a shape of `rank` with `count` elements."""
        if rank == 0:
            return () if count == 1 else None
        sizes = [1] * rank
        divisor = 2
        while count > 1:
            while count % divisor:
                divisor += 1
            sizes[self.between(0, rank - 1)] *= divisor
            count //= divisor
        return tuple(sizes)

    def _wanted(self, ranks: Container[int], fits: Wanted, dtype: str) -> Value:
        for _ in range(_TRIES):
            shape = self.shape(self.pick([rank for rank in RANKS if rank in ranks]))
            value = self.described(shape, dtype)
            if fits(value):
                return value
        raise AssertionError(f"no wanted {dtype} tensor in {_TRIES} tries")

    def described(self, shape: Shape, dtype: str, quantized: Quantized | None = None) -> Value:
        """Return a tensor that does not exist yet, with a random quantisation for its type."""
        if dtype in PLAIN_TYPES and (dtype != "int32" or self.chance(0.2)):
            return Value(-1, shape, dtype, 1.0 if dtype == "float32" else 0.0)
        scale, zero_point = quantized or (self.scale(), self.zero_point_of(dtype))
        return Value(-1, shape, dtype, scale, zero_point, zero_point == -128 and dtype == "int8")

    def zero_point_of(self, dtype: str) -> int:
        """Return a zero point that a type may have."""
        if dtype == "int32":
            return 0
        if dtype == "int16":
            return 0 if self.chance(0.7) else self.zero_point(-(2**15), 2**15 - 1)
        return self.zero_point(0, 255) if dtype == "uint8" else self.zero_point()

    def add_input(self, value: Value) -> Value:
        """Return `value` as a new input of the graph."""
        number = self._add("input", value)
        self.inputs.append(number)
        self.values.append(replace(value, number=number))
        return self.values[-1]

    def rows_input(self, shape: Shape) -> int:
        """Return a new int32 input that only ever picks rows."""
        number = self.builder.tensor(f"rows_{len(self.inputs)}", shape, "int32")
        self.inputs.append(number)
        return number

    # --- Constants

    def constant(self, data: npt.ArrayLike, dtype: str = "int32", **quantization: Any) -> int:
        """Return a new constant tensor."""
        array = np.asarray(data)
        name = f"constant_{self.rng.integers(1 << 30)}"
        return self.builder.tensor(name, array.shape, dtype, data=array, **quantization)

    def vector(self, values: Sequence[int], *, wide: bool = False) -> int:
        """Return a constant vector of int32; `wide`: or of int64."""
        dtype = "int64" if wide and self.chance(0.3) else "int32"
        return self.constant(np.asarray(values, np.int64).reshape(-1), dtype)

    def number(self, value: int) -> int:
        """Return a constant number: a scalar or a vector of one."""
        return self.constant(value) if self.chance(0.5) else self.constant([value])

    def int8_constant(self, shape: Shape, quantized: Quantized) -> int:
        """Return a constant activation."""
        scale, zero_point = quantized
        data = self.int8(shape)
        if self.chance(0.15):
            data = np.full(shape, self.pick([-128, 127, zero_point]))
        return self.constant(data, "int8", scale=scale, zero_point=zero_point)

    def like(
        self,
        shape: Shape,
        quantized: Quantized | None = None,
        besides: int = -1,
        *,
        wanted: Wanted = lambda _: True,
    ) -> tuple[int, Quantized]:
        """Return a `wanted` int8 operand of a shape: one that is there, a constant or a new input.

        Tensor `besides` is not meant.
        """
        found = [
            value
            for value in self.values
            if value.dtype == "int8"
            and value.shape == shape
            and value.number != besides
            and quantized in (None, value.quantized)
            and wanted(value)
        ]
        if found and self.chance(0.6):
            value = self.pick(found)
            return value.number, value.quantized
        chosen = quantized or self._quantized(shape, wanted)
        if self.chance(0.6):
            return self.int8_constant(shape, chosen), chosen
        return self.add_input(self.described(shape, "int8", chosen)).number, chosen

    def _quantized(self, shape: Shape, wanted: Wanted) -> Quantized:
        for _ in range(_TRIES):
            value = self.described(shape, "int8")
            if wanted(value):
                return value.quantized
        raise AssertionError(f"no wanted quantisation in {_TRIES} tries")

    # --- What operators write

    def output(
        self, op: str, shape: Shape, quantized: Quantized, at_least_zero: bool = False
    ) -> Value:
        """Return a new int8 tensor that an operator will write."""
        scale, zero_point = quantized
        positive = at_least_zero or zero_point == -128
        return self.written(op, Value(-1, tuple(shape), "int8", scale, zero_point, positive))

    def written(self, op: str, value: Value) -> Value:
        """Return a new tensor of any type that an operator will write."""
        assert value.count <= 4 * MOST_ELEMENTS, (op, value.shape)
        number = self._add(op.lower(), value)
        self.values.append(replace(value, number=number))
        return self.values[-1]

    def _add(self, label: str, value: Value) -> int:
        quantization: dict[str, Any] = {}
        if (value.dtype == "int32" and value.scale) or value.dtype not in PLAIN_TYPES:
            quantization = {"scale": value.scale, "zero_point": value.zero_point}
        name = f"{label}_{len(self.values)}"
        return self.builder.tensor(name, value.shape, value.dtype, **quantization)

    def node(
        self, op: str, inputs: Sequence[int], outputs: Sequence[Value], **options: Any
    ) -> None:
        """Add an operator."""
        numbers = [value.number for value in outputs]
        self.builder.node(op, [int(i) for i in inputs], numbers, **options)
        self.has_read(inputs)

    def has_read(self, inputs: Sequence[int]) -> None:
        """Note that one more operator was added and what it reads."""
        self._read.update(inputs)
        self.room -= 1

    # --- The whole graph

    @property
    def results(self) -> list[int]:
        """The activations that operators write: what outputs are chosen from."""
        return [value.number for value in self.values if value.number not in self.inputs]

    def build(self) -> Graph:
        """Return the graph; most results that nobody reads are outputs, and some that are read.

        Now and then an input is an output too, or an output is listed twice.
        """
        self.states.finish()
        if not self.inputs or self.chance(0.03):  # an input that nobody reads
            self.add_input(self.described(self.shape(2), "int8"))
        written = self.results
        outputs = [
            number
            for number in written
            if self.chance(0.2 if number in self._read else 0.85) and len(written) > 1
        ]
        outputs = outputs or [written[-1]]
        if self.chance(0.03):
            outputs.append(self.pick(self.inputs))
        if self.chance(0.03):
            outputs.append(self.pick(outputs))
        if self.chance(0.3):
            self.rng.shuffle(outputs)
        return self.builder.build(self.inputs, [int(number) for number in outputs])
