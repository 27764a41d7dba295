"""Structured pruning: whole heads and neurons, so that their work really disappears."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import torch

from mcu_slm.train.student import Block, BlockShape, Student


@dataclass(frozen=True)
class Importance:
    """How much the loss would change without each head [H] and each neuron [F] of a block."""

    heads: torch.Tensor
    neurons: torch.Tensor


def importance(
    student: Student,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> list[Importance]:
    """Return the first-order importance of heads and neurons, summed over labelled batches.

    `loss` runs the student in evaluation mode.

    Scaling a head's output weights by (1 - t) changes the loss by -t * sum(weight * gradient) to
    first order.

    Source: Molchanov et al.: Importance Estimation for Neural Network Pruning (2019).
    """
    student.eval()
    blocks = _blocks(student)
    sums = [Importance(torch.zeros(b.shape.heads), torch.zeros(b.shape.ffn)) for b in blocks]
    for x, y in batches:
        value = loss(x, y)
        weights = [w for block in blocks for w in (block.output, block.contract)]
        gradients = torch.autograd.grad(value, weights)
        for i, block in enumerate(blocks):
            output_gradient, contract_gradient = gradients[2 * i], gradients[2 * i + 1]
            sums[i].heads.add_((block.output * output_gradient).sum((0, 2)).abs().detach())
            sums[i].neurons.add_((block.contract * contract_gradient).sum(0).abs().detach())
    return sums


def prune(student: Student, scores: list[Importance], *, heads: int, ffn: int) -> Student:
    """Return a smaller student with the most important heads and neurons of every block.

    `heads` and `ffn` are the numbers kept per block; a block that has fewer keeps all.
    """
    kept = [(_strongest(score.heads, heads), _strongest(score.neurons, ffn)) for score in scores]
    shape = student.shape
    shapes = tuple(
        BlockShape(len(h), len(n), block.attention_window)
        for block, (h, n) in zip(shape.blocks, kept, strict=True)
    )
    pruned = Student(replace(shape, blocks=shapes))
    state = dict(student.state_dict())
    for i, (head_index, neuron_index) in enumerate(kept):
        for name, axis, index in _pruned_axes(head_index, neuron_index):
            key = f"blocks.{i}.{name}"
            state[key] = state[key].index_select(axis, index)
    pruned.load_state_dict(state)
    return pruned


def _pruned_axes(
    heads: torch.Tensor, neurons: torch.Tensor
) -> Iterable[tuple[str, int, torch.Tensor]]:
    """Yield every parameter of a block that has a head or neuron axis, with what stays of it."""
    for name in ("query", "key", "value"):
        yield name, 0, heads
        yield f"{name}_bias", 0, heads
    yield "output", 1, heads
    yield "expand", 0, neurons
    yield "expand_bias", 0, neurons
    yield "contract", 1, neurons


def _strongest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Return the indices of the highest scores, in their original order."""
    return scores.topk(min(count, len(scores))).indices.sort().values


def _blocks(student: Student) -> list[Block]:
    return [block for block in student.blocks if isinstance(block, Block)]
