"""Structured pruning by board cost: what is removed are heads, neurons, channels, whole blocks.

Each step removes what raises the loss least for what it saves on the board, until the limits hold.
What a network costs is asked of the compiler's cost model, never guessed from its parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields

import torch

from mcu_slm.errors import BudgetError
from mcu_slm.train.families.student import Student, Units

Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]
Loss = Callable[[Student, torch.Tensor, torch.Tensor], torch.Tensor]
"""Loss of a student in evaluation mode on windows and their truth."""


@dataclass(frozen=True)
class BoardCost:
    """What a network costs on the board, as predicted for one inference."""

    instructions: int
    cycles: int
    flash_bytes: int
    ram_bytes: int


@dataclass(frozen=True)
class Limits:
    """What a network may cost; None for no limit."""

    instructions: int | None = None
    cycles: int | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None

    def excess(self, cost: BoardCost) -> float:
        """Return how far a cost lies above the limits, as the sum of their shares."""
        shares = [
            float(getattr(cost, field.name)) / limit
            for field in fields(self)
            if (limit := getattr(self, field.name)) is not None
        ]
        return math.fsum(max(share - 1.0, 0.0) for share in shares)


CostOf = Callable[[Student], BoardCost]


@dataclass(frozen=True)
class Removal:
    """One step of pruning, for the report."""

    what: str
    left: int
    loss_increase: float
    cost: BoardCost


def prune_to(
    student: Student, batches: Batches, loss: Loss, cost_of: CostOf, limits: Limits
) -> tuple[Student, list[Removal]]:
    """Return a student within the limits that keeps the weights of what is left, and the steps.

    Raises:
        BudgetError: Nothing that is left to remove brings the cost down to the limits.
    """
    samples = list(batches)
    steps: list[Removal] = []
    cost = cost_of(student)
    while (excess := limits.excess(cost)) > 0:
        before = _mean_loss(student, samples, loss)
        scores = importance(student, samples, loss)
        best: tuple[float, Student, Removal] | None = None
        for what, smaller, increase, left in _candidates(student, scores, samples, loss, before):
            smaller_cost = cost_of(smaller)
            saved = excess - limits.excess(smaller_cost)
            if saved <= 0:
                continue
            rate = saved / max(increase, 1e-9)
            if best is None or rate > best[0]:
                best = (rate, smaller, Removal(what, left, increase, smaller_cost))
        if best is None:
            raise BudgetError(
                "[budget]",
                f"the smallest student needs {cost.instructions:,} instructions, "
                f"{cost.flash_bytes:,} bytes of flash and {cost.ram_bytes:,} bytes of RAM",
                ", ".join(
                    f"{field.name} <= {getattr(limits, field.name):,}"
                    for field in fields(limits)
                    if getattr(limits, field.name) is not None
                ),
                "Allow more, or start from a smaller [model].",
            )
        student, cost = best[1], best[2].cost
        steps.append(best[2])
    return student, steps


def importance(student: Student, batches: Batches, loss: Loss) -> dict[str, torch.Tensor]:
    """Return by how much the mean loss would rise without each unit, to first order.

    Scaling a unit's weights by (1 - t) changes the loss by -t * sum(weight * gradient).

    Source: Molchanov et al.: Importance Estimation for Neural Network Pruning (2019).
    """
    student.eval()
    groups = student.units()
    named = dict(student.named_parameters())
    sums = {group.name: torch.zeros(group.count) for group in groups}
    count = 0
    for x, y in batches:
        names = list(dict.fromkeys(slot.name for group in groups for slot in group.judged_places()))
        gradients = torch.autograd.grad(loss(student, x, y), [named[name] for name in names])
        products = {
            name: (named[name] * gradient).detach()
            for name, gradient in zip(names, gradients, strict=True)
        }
        for group in groups:
            sums[group.name] += _per_unit(group, products).abs()
        count += 1
    return {name: total / max(count, 1) for name, total in sums.items()}


def keep(student: Student, kept: Mapping[str, torch.Tensor]) -> Student:
    """Return a student with only the units at these indices, in their order, by their groups."""
    groups = {group.name: group for group in student.units()}
    smaller = student.resized({name: len(index) for name, index in kept.items()})
    state = dict(student.state_dict())
    staying: dict[tuple[str, int], torch.Tensor] = {}
    for name, index in kept.items():
        count = groups[name].count
        for key, axis, first in groups[name].places():
            everything = torch.ones(state[key].shape[axis], dtype=torch.bool)
            mask = staying.setdefault((key, axis), everything)
            mask[first : first + count] = torch.isin(torch.arange(count), index)
    for (key, axis), mask in staying.items():
        state[key] = state[key].index_select(axis, mask.nonzero().flatten())
    smaller.load_state_dict(state)
    return smaller.eval()


def _candidates(
    student: Student,
    scores: Mapping[str, torch.Tensor],
    samples: list[tuple[torch.Tensor, torch.Tensor]],
    loss: Loss,
    before: float,
) -> Iterable[tuple[str, Student, float, int]]:
    """Yield each removal in question: its name, what is left, the rise of the loss, the count."""
    for group in student.units():
        left = group.count - group.together
        if left >= 1:
            order = scores[group.name].argsort(descending=True)
            kept, gone = order[:left].sort().values, order[left:]
            rise = float(scores[group.name][gone].sum())
            yield group.name, keep(student, {group.name: kept}), rise, left
    for i in range(student.depth if student.depth > 1 else 0):
        shallower = student.without_block(i).eval()
        rise = _mean_loss(shallower, samples, loss) - before
        yield f"block{i}", shallower, rise, student.depth - 1


def _per_unit(group: Units, products: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Add up weight times gradient over everything that belongs to one unit."""
    total = torch.zeros(group.count)
    for key, axis, first in group.judged_places():
        own = products[key].narrow(axis, first, group.count)
        total = total + own.movedim(axis, 0).reshape(group.count, -1).sum(1)
    return total


@torch.no_grad()
def _mean_loss(
    student: Student, samples: list[tuple[torch.Tensor, torch.Tensor]], loss: Loss
) -> float:
    student.eval()
    return math.fsum(float(loss(student, x, y)) for x, y in samples) / max(len(samples), 1)
