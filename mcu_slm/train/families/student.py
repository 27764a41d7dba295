"""What every family of students has in common: a shape, a forward pass, units that can be removed.

Dimension letters of all families: B batch, T samples, C channels, K taps, L tokens, D width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import torch
from torch import nn

from mcu_slm.train.backends import FoldedBatchNorm, Operators, Value

Item = TypeVar("Item")


@dataclass(frozen=True)
class Head:
    """What a student answers: `gain` * y + `offset`, of one window or of each token.

    Args:
        outputs: Numbers per answer: one per class, or one value.
        per_token: Whether each token gets an answer.
        gain, offset: From what the network learns to units of the task; part of the last layer.
        surprise: Whether the answer is how unlikely the window is, in nats per sample, instead.
    """

    outputs: int
    per_token: bool = False
    gain: float = 1.0
    offset: float = 0.0
    surprise: bool = False


@dataclass(frozen=True)
class Sensor:
    """Channels that belong together: from `first` on, of which every n-th sample is looked at."""

    first: int
    channels: int
    every: int


@dataclass(frozen=True)
class Shape:
    """Everything that decides which operators and tensors a student has.

    Units: `window` in samples.

    `sensors` is empty where all channels are one. Values beyond `input_limit` count as it.
    """

    family: ClassVar[str]
    window: int
    channels: int
    head: Head
    sensors: tuple[Sensor, ...] = field(default=(), kw_only=True)
    input_limit: float | None = field(default=None, kw_only=True)

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries and lists."""
        return {"family": self.family, **asdict(self)}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Rebuild a shape from the fields of `to_json`, without the family."""
        sensors = tuple(Sensor(**sensor) for sensor in fields["sensors"])
        return cls(**{**fields, "head": Head(**fields["head"]), "sensors": sensors})


class Slice(NamedTuple):
    """Where a parameter or buffer has an entry per unit: along `axis`, from the entry `first` on.

    Behind it there may be entries of other units.
    """

    name: str
    axis: int
    first: int = 0


@dataclass(frozen=True)
class Units:
    """Parts of one kind that can be removed one by one: heads, neurons, channels.

    Args:
        name: What they are and where.
        count: How many there are.
        slices: Name and axis of every parameter or buffer that has an entry per unit; a `Slice`
            where it has entries of other units too.
        judged: Those of them whose size says how much each unit does.
        together: How many are removed at once, so that kernels stay whole.
    """

    name: str
    count: int
    slices: tuple[tuple[str, int] | Slice, ...]
    judged: tuple[tuple[str, int] | Slice, ...]
    together: int = 1

    def places(self) -> tuple[Slice, ...]:
        """Return `slices`, each with its first entry."""
        return _with_first(self.slices)

    def judged_places(self) -> tuple[Slice, ...]:
        """Return `judged`, each with its first entry."""
        return _with_first(self.judged)


def _with_first(slices: Iterable[tuple[str, int] | Slice]) -> tuple[Slice, ...]:
    return tuple(entry if isinstance(entry, Slice) else Slice(*entry) for entry in slices)


class Student(nn.Module, ABC):
    """A network small enough for the device. `forward(ops, x)` runs it on any backend."""

    shape: Shape
    answer: Any
    """From tokens to the answer; `forward(ops, x, tokens)`."""

    def forward(self, ops: Operators[Value], x: Value) -> Value:
        """Shapes: x: [B, 1, T, C] -> answers [B, outputs], or [B, tokens, outputs] per token."""
        answer: Value = self.answer(ops, self.trunk(ops, x), self.tokens)
        return answer

    @abstractmethod
    def trunk(self, ops: Operators[Value], x: Value) -> Value:
        """Return the tokens that the answer is read from: what can be learned without labels.

        Shapes: x: [B, 1, T, C] -> [B, 1, tokens, width].
        """

    def fit_inputs(self, x: torch.Tensor) -> None:
        """Learn from the training windows how to see samples, before any training.

        Shapes: x: normalised windows [N, T, C].
        """

    @property
    def input_range(self) -> tuple[float, float] | None:
        """Return the range of the int8 input; None for that of the training windows."""
        limit = self.shape.input_limit
        return None if limit is None else (-limit, limit)

    @property
    def fixed_ranges(self) -> Mapping[str, tuple[float, float]]:
        """Return the ranges, by name, of values inside that saturate beyond them on purpose."""
        return {}

    @abstractmethod
    def units(self) -> tuple[Units, ...]:
        """Return what pruning can remove."""

    @abstractmethod
    def resized(self, counts: Mapping[str, int]) -> Student:
        """Return an untrained student with other counts of the units named."""

    @property
    @abstractmethod
    def tokens(self) -> int:
        """Tokens of a window: the answers that a head per token gives."""

    @property
    def depth(self) -> int:
        """Blocks, any of which can be left out because a residual leads around it."""
        return 0

    def without_block(self, number: int) -> Student:
        """Return a student without one block, with the weights of the others.

        The blocks are in a list `blocks`.
        """
        shallower = self._without_block(number)
        kept = [i for i in range(self.depth) if i != number]
        places = {f"blocks.{old}.": f"blocks.{new}." for new, old in enumerate(kept)}
        places[f"blocks.{number}."] = ""
        state = {}
        for key, value in self.state_dict().items():
            block = next((at for at in places if key.startswith(at)), None)
            if block is None:
                state[key] = value
            elif places[block]:
                state[places[block] + key.removeprefix(block)] = value
        shallower.load_state_dict(state)
        return shallower

    def _without_block(self, number: int) -> Student:
        """Return an untrained student without one block."""
        raise NotImplementedError


def without(blocks: tuple[Item, ...], number: int) -> tuple[Item, ...]:
    """Return all blocks but one."""
    return blocks[:number] + blocks[number + 1 :]


def parameter_count(module: nn.Module) -> int:
    """Return how many numbers a network learns."""
    return sum(p.numel() for p in module.parameters())


def deployed_parameter_count(student: nn.Module) -> int:
    """Return how many numbers reach the device: normalisation is folded away."""
    norms = (m for m in student.modules() if isinstance(m, FoldedBatchNorm))
    return parameter_count(student) - sum(parameter_count(norm) for norm in norms)
