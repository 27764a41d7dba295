"""A layer inside another one that changes where it finds its inputs or puts its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcu_slm.ops.base import Activations, Arguments, Constant, GeneratedKernel, Operator
from mcu_slm.ops.features import Features
from mcu_slm.quant import Multiplier


@dataclass(frozen=True, eq=False)
class Wrapped(Operator):
    """What `layer` does. Further inputs may stand behind those of the layer."""

    layer: Operator

    @property
    def own(self) -> int:
        """How many inputs the layer itself has."""
        return len(self.layer.activations)

    @property
    def kernels(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the layer."""
        return self.layer.kernels

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """Those of the layer."""
        return self.layer.generated

    @property
    def parts(self) -> tuple[tuple[int, Operator], ...]:
        """The layer."""
        return ((1, self.layer),)

    @property
    def macs(self) -> int:
        """Those of the layer."""
        return self.layer.macs

    @property
    def scratch_bytes(self) -> int:
        """What the layer wants."""
        return self.layer.scratch_bytes

    @property
    def continues(self) -> int | None:
        """The layer's."""
        return self.layer.continues

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Return what the layer returns."""
        return self.layer.reference(inputs[: self.own])

    def constants(self) -> tuple[Constant, ...]:
        """Return those of the layer."""
        return self.layer.constants()

    def features(self) -> Features:
        """Return those of the layer."""
        return self.layer.features()

    def clearance(self, position: int) -> int | None:
        """Return that of the layer; further inputs are wanted whole."""
        return self.layer.clearance(position) if position < self.own else None

    def is_level(self, position: int) -> bool:
        """Return that of the layer."""
        return position < self.own and self.layer.is_level(position)

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return those of the layer."""
        return self.layer.requantization()

    def summary(self) -> str:
        """Return that of the layer."""
        return self.layer.summary()

    def call(self, arguments: Arguments) -> str:
        """Return the call of the layer."""
        return self.layer.call(replace(arguments, inputs=arguments.inputs[: self.own]))
