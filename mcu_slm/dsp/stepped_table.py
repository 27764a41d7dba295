"""Tables of int32 that are stored by their steps and filled before they are wanted.

A softmax's exponentials are nearly a geometric sequence, the terms of an ADD nearly an arithmetic
one: what a value is off what the one after it says fits 8 bits, but for the largest. So a quarter
of the bytes gives the very same table (`kernels/dsp/dsp_steps.c`), at some instructions per value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.specialized import constant_struct
from mcu_slm.ops.base import Activations, Arguments, Constant, Operator
from mcu_slm.ops.features import Features
from mcu_slm.ops.wrapped import Wrapped
from mcu_slm.quant import INT8_MAX, INT8_MIN, INT32_MAX, INT32_MIN, Int64

VALUES = 256
_WIDE = np.iinfo(np.int16)
_AT_A_TIME = 4
_NEARBY_RATES = range(-512, 513, 8)
_RATE_BITS = 32
_STRUCT_BYTES = 24


@dataclass(frozen=True, eq=False)
class SteppedTable(Operator):
    """Fills a table. `steps` are what each value but the last is off, from the end on."""

    kernels = ("dsp_steps",)
    activations = ()

    table: npt.NDArray[np.int32]
    rate: int
    step: int
    steps: Int64
    wide_count: int

    @property
    def saved_bytes(self) -> int:
        """Flash bytes less than the table itself takes."""
        stored = sum(constant.data.nbytes for constant in self.constants())
        return self.table.nbytes - stored - _STRUCT_BYTES

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:  # noqa: ARG002
        """Return the table."""
        return [self.table[None]]

    def constants(self) -> tuple[Constant, ...]:
        """Return the steps, wide ones first."""
        wide, narrow = np.split(self.steps, [self.wide_count])
        return (
            Constant("wide", wide.astype(np.int16), False, "steps from the last value on"),
            Constant("narrow", narrow.astype(np.int8), False, "further steps"),
        )

    def features(self) -> Features:
        """Return steps of both kinds."""
        return {"wide_steps": self.wide_count, "narrow_steps": len(self.steps) - self.wide_count}

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "last": int(self.table[-1]),
            "rate": self.rate,
            "step": self.step,
            "wide_count": self.wide_count,
            **{name: arguments.constants[name] for name in ("wide", "narrow")},
        }
        kind = "mcu_slm_dsp_steps_t"
        lines = constant_struct(kind, "steps", fields)
        return "\n".join([*lines, f"mcu_slm_dsp_fill_table(&steps, {arguments.outputs[0]});"])


@dataclass(frozen=True, eq=False)
class Tabled(Wrapped):
    """A layer that finds its tables, those of some suffixes, behind its other inputs."""

    suffixes: tuple[str, ...]

    @property
    def activations(self) -> tuple[int, ...]:  # type: ignore[override]
        """Those of the layer, then the tables."""
        return tuple(range(self.own + len(self.suffixes)))

    def constants(self) -> tuple[Constant, ...]:
        """Return what else the layer reads from flash."""
        return tuple(x for x in self.layer.constants() if x.suffix not in self.suffixes)

    def call(self, arguments: Arguments) -> str:
        """Return the call of the layer."""
        tables = dict(zip(self.suffixes, arguments.inputs[self.own :], strict=True))
        return super().call(replace(arguments, constants={**arguments.constants, **tables}))


def stepped(table: npt.NDArray[np.int32]) -> SteppedTable | None:
    """Return the table by its steps, None where that takes no fewer bytes."""
    downwards = table[::-1].astype(np.int64)
    found = [
        SteppedTable(table, rate, step, steps, wide)
        for rate, step in _rules(downwards)
        for steps in [downwards[1:] - _predicted(downwards, rate, step)]
        for wide in [_wide_count(steps)]
        if _fits(downwards, rate, step, steps)
    ]
    best = min(found, key=lambda way: way.wide_count, default=None)
    return best if best is not None and best.saved_bytes > 0 else None


def _rules(values: Int64) -> Iterator[tuple[int, int]]:
    """Yield rates and steps that values may follow: a line, and geometric sequences."""
    yield 0, round(float(np.mean(np.diff(values))))
    if values[0] > 0 < values[1] < values[0]:
        rate = round((float(values[1] / values[0]) - 1.0) * (1 << _RATE_BITS))
        yield from ((rate + off, 0) for off in _NEARBY_RATES if rate + off >= INT32_MIN)


def _predicted(values: Int64, rate: int, step: int) -> Int64:
    """Return what each value says of the next one."""
    predicted: Int64 = values[:-1] + step + ((values[:-1] * rate) >> _RATE_BITS)
    return predicted


def _fits(values: Int64, rate: int, step: int, steps: Int64) -> bool:
    """Whether steps fit 16 bits and no sum on the way leaves 32 bits."""
    sums = np.concatenate([values[:-1] + step, _predicted(values, rate, step)])
    inside = (sums >= INT32_MIN) & (sums <= INT32_MAX)
    return bool(inside.all() and (steps >= _WIDE.min).all() and (steps <= _WIDE.max).all())


def _wide_count(steps: Int64) -> int:
    """Return after how many steps the others fit 8 bits and come in fours."""
    wide = np.flatnonzero((steps < INT8_MIN) | (steps > INT8_MAX))
    least = int(wide[-1]) + 1 if len(wide) else 1
    return least + (VALUES - 1 - least) % _AT_A_TIME
