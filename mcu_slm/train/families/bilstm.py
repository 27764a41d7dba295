"""A recurrent network: LSTM layers over tokens, forward and, if wished, backward.

    window --strided convolution--> tokens
           --layers: LSTM forward and LSTM backward over the tokens, joined per token--
           --attention pooling, if wished mean pooling--> linear --> answer

Each LSTM is one operator on the device, never unrolled. Hidden states have a fixed scale, the same
in both directions, so that joining them costs no rescaling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import nn

from mcu_slm.config import BiLstmModel
from mcu_slm.train.backends import Operators, Value
from mcu_slm.train.families.embedding import Embedding, StemShape
from mcu_slm.train.families.layers import Answer, weight, zeros
from mcu_slm.train.families.student import Head, Slice, Student, Units

GATES = 4
FORGET_GATE = 1
DIRECTIONS = ("forward", "backward")


@dataclass(frozen=True)
class BiLstmShape(StemShape):
    """The shape of a recurrent network.

    Units: kernel and stride in samples. `units`: hidden units of each direction of each layer.
    """

    family: ClassVar[str] = "bilstm"
    stem_width: int
    units: tuple[tuple[int, ...], ...]
    mean_pooling: bool

    @classmethod
    def of(cls, model: BiLstmModel, window: int, channels: int, head: Head) -> Self:
        """Return the shape that a project file describes, before pruning."""
        directions = 2 if model.bidirectional else 1
        return cls(
            window=window,
            channels=channels,
            head=head,
            stem_width=model.stem_width,
            stem_kernel=min(model.stem_samples, window),
            stem_stride=model.stem_stride_samples,
            units=((model.units,) * directions,) * model.layers,
            mean_pooling=model.mean_pooling,
        )

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Rebuild a shape from the fields of `to_json`, without the family."""
        units = tuple(tuple(layer) for layer in fields["units"])
        return super().from_fields({**fields, "units": units})


class Direction(nn.Module):
    """One LSTM. Gates are input, forget, cell, output."""

    def __init__(self, inputs: int, units: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weights = weight((GATES, units, inputs), inputs, generator)
        self.recurrent = weight((GATES, units, units), units, generator)
        self.bias = zeros(GATES, units)
        # A cell that keeps its state at first lets gradients reach the early tokens.
        with torch.no_grad():
            self.bias[FORGET_GATE] = 1.0

    def forward(self, ops: Operators[Value], name: str, x: Value) -> Value:
        """Shapes: x: [B, 1, L, D] -> [B, 1, L, units]."""
        return ops.lstm(name, x, self.weights, self.recurrent, self.bias)


class Layer(nn.Module):
    """An LSTM over the tokens and, with a second count of units, one from the last to the first."""

    def __init__(self, inputs: int, units: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        self.directions = nn.ModuleList(Direction(inputs, count, generator) for count in units)

    def forward(self, ops: Operators[Value], name: str, x: Value) -> Value:
        """Shapes: x: [B, 1, L, D] -> [B, 1, L, units of all directions]."""
        forward: Value = self.directions[0](ops, f"{name}/forward", x)
        if len(self.directions) == 1:
            return forward
        turned = ops.reverse(f"{name}/turned", x)
        backward: Value = self.directions[1](ops, f"{name}/backward", turned)
        in_order = ops.reverse(f"{name}/in_order", backward)
        return ops.concat(f"{name}/joined", [forward, in_order])


class BiLstm(Student):
    """The whole network."""

    shape: BiLstmShape

    def __init__(self, shape: BiLstmShape, generator: torch.Generator | None = None) -> None:
        super().__init__()
        generator = generator or torch.Generator().manual_seed(0)
        self.shape = shape
        width, kernel = shape.stem_width, shape.stem_kernel
        self.stem = Embedding(shape, width, kernel, shape.stem, generator, normalised=True)
        inputs = (width, *(sum(units) for units in shape.units))
        self.layers = nn.ModuleList(
            Layer(inputs[i], units, generator) for i, units in enumerate(shape.units)
        )
        self.answer = Answer(inputs[-1], shape.head, generator, mean=shape.mean_pooling)

    @property
    def tokens(self) -> int:
        """Tokens of a window."""
        return self.shape.tokens

    def trunk(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> [B, 1, L, D]."""
        x = self.stem(ops, "stem", x)
        for i, layer in enumerate(self.layers):
            x = layer(ops, f"layer{i}", x)
        return x

    def units(self) -> tuple[Units, ...]:
        """Return the stem's channels, and the hidden units of every layer and direction."""
        made = self.stem.slices("stem")
        read = self._readers(0, 0)
        found = [Units("stem/channels", self.shape.stem_width, (*made, *read), read, together=4)]
        for i, layer in enumerate(self.shape.units):
            first = 0
            for number, (direction, count) in enumerate(zip(DIRECTIONS, layer, strict=False)):
                at = f"layers.{i}.directions.{number}"
                made = tuple((f"{at}.{name}", 1) for name in ("weights", "recurrent", "bias"))
                read = (Slice(f"{at}.recurrent", 2), *self._readers(i + 1, first))
                # Running statistics are no weights: nothing can be said about their size.
                judged = tuple(entry for entry in read if ".norms." not in entry.name)
                name = f"layer{i}/{direction}"
                found.append(Units(name, count, (*made, *read), judged, together=4))
                first += count
        return tuple(found)

    def _readers(self, layer: int, first: int) -> tuple[Slice, ...]:
        """Return what reads the inputs of a layer, or of the answer behind the last one."""
        if layer < len(self.shape.units):
            directions = range(len(self.shape.units[layer]))
            return tuple(
                Slice(f"layers.{layer}.directions.{n}.weights", 2, first) for n in directions
            )
        return tuple(Slice(name, axis, first) for name, axis in self.answer.slices("answer"))

    def resized(self, counts: Mapping[str, int]) -> BiLstm:
        """Return an untrained network with other counts of channels and hidden units."""
        units = tuple(
            tuple(
                counts.get(f"layer{i}/{direction}", count)
                for direction, count in zip(DIRECTIONS, layer, strict=False)
            )
            for i, layer in enumerate(self.shape.units)
        )
        width = counts.get("stem/channels", self.shape.stem_width)
        return BiLstm(replace(self.shape, stem_width=width, units=units))
