"""Attention matrix by matrix: scores, softmax and mixing of one head before the next.

Scores of all heads and windows are the largest tensor of many a transformer; one matrix of them is
enough at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mcu_slm.ir import Node
from mcu_slm.ops import Operator
from mcu_slm.ops.base import Activations, Arguments, Constant, GeneratedKernel
from mcu_slm.ops.batch_matmul import BatchMatMul
from mcu_slm.ops.matrices import walk_lines
from mcu_slm.ops.reshape import Reshape
from mcu_slm.ops.softmax import Softmax
from mcu_slm.passes.draft import Draft, Step
from mcu_slm.plan.buffers import aligned
from mcu_slm.quant import Multiplier

OP = "ATTENTION"


@dataclass(frozen=True, eq=False)
class Attention(Operator):
    """Products, softmax and products of `whole`, done by the operators `one` for each matrix."""

    activations = (0, 1, 2)

    whole: tuple[BatchMatMul, Softmax, BatchMatMul]
    one: tuple[Operator, Operator, Operator]

    @property
    def kernels(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of all parts."""
        return tuple(dict.fromkeys(name for part in self.one for name in part.kernels))

    @property
    def generated(self) -> tuple[GeneratedKernel, ...]:
        """Those of all parts."""
        return tuple(kernel for part in self.one for kernel in part.generated)

    @property
    def parts(self) -> tuple[tuple[int, Operator], ...]:
        """Each part once for every matrix."""
        return tuple((self.whole[0].times, part) for part in self.one)

    @property
    def macs(self) -> int:
        """Products of all matrices."""
        return self.whole[0].macs + self.whole[2].macs

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Do one whole layer after the other."""
        query, key, value = inputs
        first, softmax, last = self.whole
        scores = first.reference([query, key])[0].reshape(len(query), -1, softmax.depth)
        return last.reference([softmax.reference([scores])[0], value])

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multipliers of all parts."""
        return tuple(m for part in self.whole for m in part.requantization())

    def constants(self) -> tuple[Constant, ...]:
        """Return the table of exponentials."""
        return tuple(constant for part in self.one for constant in part.constants())

    @property
    def _score_bytes(self) -> int:
        return aligned(self.whole[0].rows * self.whole[0].columns)

    @property
    def scratch_bytes(self) -> int:
        """One matrix of scores, and what a part wants."""
        return self._score_bytes + max(part.scratch_bytes for part in self.one)

    def summary(self) -> str:
        """Return the shapes."""
        return f"{self.whole[0].summary()}, softmax, {self.whole[2].summary()}"

    def call(self, arguments: Arguments) -> str:
        """Return the loops over matrices, with the calls of the three parts inside."""
        query, key, value = arguments.inputs
        first, _, last = self.whole
        scratch = f"{arguments.scratch} + {self._score_bytes}"
        calls = (
            Arguments(("query", "key"), ("scores",), {}, scratch),
            Arguments(("scores",), ("scores",), arguments.constants, scratch),
            Arguments(("scores", "value"), ("mixed",), {}, scratch),
        )
        body = [
            line
            for part, places in zip(self.one, calls, strict=True)
            for line in ("{", *_indented(part.call(places)), "}")
        ]
        walks = (
            ("const int8_t *query", first.lhs, query),
            ("const int8_t *key", first.rhs, key),
            ("const int8_t *value", last.rhs, value),
            ("int8_t *mixed", last.target, arguments.outputs[0]),
        )
        scores = f"int8_t *scores = {arguments.scratch};"
        return "\n".join([scores, "", *walk_lines(first.lengths, walks, body)])

    def with_last(self, last: BatchMatMul) -> Attention:
        """Return the layer with another mixing of the same matrices, which puts them elsewhere."""
        return replace(self, whole=(*self.whole[:2], last), one=(*self.one[:2], _one(last)))

    def with_kernels(self, choose: Callable[[Operator], Operator]) -> Attention:
        """Return the layer with other kernels for its parts."""
        first, softmax, last = (choose(part) for part in self.one)
        return replace(self, one=(first, softmax, last))


def fuse_attention(draft: Draft) -> Draft:
    """Return the draft with one layer for scores, softmax and mixing of several matrices."""
    steps = dict(enumerate(draft.steps))
    for step in draft.steps:
        found = _chain(draft, step)
        layer = None if found is None else _attention(found)
        if found is None or layer is None:
            continue
        if steps[draft.writers[step.node.outputs[0]]] is not step:
            continue  # its product already ends another attention
        last = found[-1]
        merged = tuple(
            name for each in found[:-1] for name in (*each.merged, draft.layer_name(each))
        )
        node = Node(OP, (*step.reads, last.reads[1]), last.node.outputs)
        steps[draft.writers[last.node.outputs[0]]] = Step(
            node, layer, last.source, (*merged, *last.merged)
        )
        for each in found[:-1]:
            steps.pop(draft.writers[each.node.outputs[0]])
    return draft.with_steps([steps[place] for place in sorted(steps)])


def _chain(draft: Draft, step: Step) -> tuple[Step, Step, Step] | None:
    """Return products, softmax and products where each is all that reads the one before."""
    found = [step]
    for kind in (Softmax, BatchMatMul):
        tensor = found[-1].node.outputs[0] if found[-1].node.outputs else -1
        reader = draft.only_reader(tensor)
        while reader is not None and isinstance(draft.steps[reader].operator, Reshape):
            tensor = draft.steps[reader].node.outputs[0]
            reader = draft.only_reader(tensor)
        if reader is None or not isinstance(draft.steps[reader].operator, kind):
            return None
        if draft.steps[reader].reads.count(tensor) != 1 or draft.steps[reader].reads[0] != tensor:
            return None
        found.append(draft.steps[reader])
    first, softmax, last = found
    return (first, softmax, last) if isinstance(first.operator, BatchMatMul) else None


def _attention(steps: tuple[Step, Step, Step]) -> Attention | None:
    """Return the layer for three steps, None where their matrices do not go with each other."""
    first, softmax, last = (step.operator for step in steps)
    assert isinstance(first, BatchMatMul)
    assert isinstance(softmax, Softmax)
    assert isinstance(last, BatchMatMul)
    goes_together = (
        first.times > 1
        and first.lengths == last.lengths
        and (first.rows, first.columns) == (last.rows, last.depth)
        and (softmax.dtype, softmax.depth) == ("int8", first.columns)
    )
    if not goes_together:
        return None
    scores = (
        first.target.places(first.lengths, first.rows, first.columns),
        last.lhs.places(last.lengths, last.rows, last.depth),
    )
    if any((places.reshape(-1) != np.arange(places.size)).any() for places in scores):
        return None
    return Attention(
        (first, softmax, last), (_one(first), replace(softmax, rows=first.rows), _one(last))
    )


def _one(product: BatchMatMul) -> BatchMatMul:
    """Return a single product of a batch, at the beginning of all three tensors."""
    lhs, rhs, target = (
        replace(side, offset=0, batch_steps=(0,) * len(product.lengths))
        for side in (product.lhs, product.rhs, product.target)
    )
    lengths = (1,) * len(product.lengths)
    return replace(product, lengths=lengths, lhs=lhs, rhs=rhs, target=target)


def _indented(text: str) -> list[str]:
    return [f"    {line}" if line else "" for line in text.splitlines()]
