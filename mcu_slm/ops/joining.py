"""A layer that writes its part of a joined tensor where it belongs, so that nobody copies it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mcu_slm.ops.base import Activations, Operator
from mcu_slm.ops.wrapped import Wrapped
from mcu_slm.quant import Int64


@dataclass(frozen=True, eq=False)
class Joining(Wrapped):
    """A layer whose output has the joined tensor's shape, of which it writes `places`.

    `follows`: other layers have written parts before; the tensor as they left it is the last input.

    Shapes: places: [elements of the part].
    """

    places: Int64
    follows: bool

    @property
    def activations(self) -> tuple[int, ...]:  # type: ignore[override]
        """Those of the layer, then the tensor that it continues."""
        return tuple(range(self.own + self.follows))

    @property
    def continues(self) -> int | None:
        """The tensor with the parts of earlier layers."""
        return self.own if self.follows else None

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Return the parts so far; what nobody has written yet is anything."""
        (written,) = super().reference(inputs)
        if not self.follows:
            return [written]
        joined = inputs[self.own].reshape(len(written), -1).copy()
        joined[:, self.places] = written.reshape(len(written), -1)[:, self.places]
        return [joined.reshape(written.shape)]

    def with_kernels(self, choose: Callable[[Operator], Operator]) -> Joining:
        """Return the layer with other kernels."""
        return replace(self, layer=choose(self.layer))
