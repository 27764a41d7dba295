"""Matrix products read and write where their operands lie, so that copies around them vanish.

Attention heads are cut out of one tensor by RESHAPE, TRANSPOSE and SPLIT, and put together by
TRANSPOSE. All of them only say in which order bytes are walked, which a matrix product can do as
well: with an offset and one step per axis. So can a recurrent layer, which goes backwards through
what REVERSE turns round for it and back again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TypeAlias

import numpy as np

from mcu_slm.ops import Operator
from mcu_slm.ops.batch_matmul import BatchMatMul
from mcu_slm.ops.broadcast import LOOPS
from mcu_slm.ops.joined_rows import DealtRows
from mcu_slm.ops.matrices import Matrices
from mcu_slm.ops.reshape import Reshape
from mcu_slm.ops.strided_copy import StridedCopy
from mcu_slm.ops.unidirectional_sequence_lstm import Lstm
from mcu_slm.passes.draft import Draft, Step
from mcu_slm.quant import Int64

Walking: TypeAlias = BatchMatMul | Lstm
"""Layers that walk through their operands and results."""

_LONGEST_CHAIN = 8
"""So many copies in a row are looked through."""


def walk_operands(draft: Draft) -> Draft:
    """Return the draft in which matrix products read what was copied for them at its origin.

    The copies stay for other readers; where there are none, `drop_unused` removes them.
    """
    return draft.with_steps([_reading_origins(draft, step) for step in draft.steps])


def walk_results(draft: Draft) -> Draft:
    """Return the draft in which matrix products write in the order that a copy would have made."""
    steps = dict(enumerate(draft.steps))
    for place, step in enumerate(draft.steps):
        if not isinstance(step.operator, Walking):
            continue
        chain, order = _copies_after(draft, step)
        walked = written_at(step.operator, np.argsort(order)) if chain else None
        if walked is not None:
            shape = draft.graph.tensor(chain[-1].node.outputs[0]).shape
            node = replace(step.node, outputs=chain[-1].node.outputs)
            names = tuple(draft.layer_name(copy) for copy in chain[:-1])
            merged = (*step.merged, draft.layer_name(step), *names)
            operator = replace(walked, output_shape=shape)
            steps[place] = Step(node, operator, chain[-1].source, merged)
            for copy in chain:
                del steps[draft.writers[copy.node.outputs[0]]]
    return draft.with_steps([steps[place] for place in sorted(steps)])


def _reading_origins(draft: Draft, step: Step) -> Step:
    if not isinstance(step.operator, Walking):
        return step
    origins = [_origin(draft, tensor) for tensor in step.reads]
    if all(tensor == origin for tensor, (origin, _) in zip(step.reads, origins, strict=True)):
        return step
    moved = [places for _, places in origins]
    if isinstance(step.operator, Lstm):
        walked: Operator | None = _rewalked_steps(step.operator, *moved)
    else:
        walked = _rewalked(step.operator, *moved)
    if walked is None:
        return step
    inputs = dict(enumerate(step.node.inputs))
    found = zip(step.operator.activations, origins, strict=True)
    inputs |= {position: origin for position, (origin, _) in found}
    node = replace(step.node, inputs=tuple(inputs.values()))
    return replace(step, node=node, operator=walked)


def _origin(draft: Draft, tensor: int) -> tuple[int, Int64]:
    """Return the tensor whose bytes a tensor has, and the place there of each of its bytes.

    The tensor itself where no byte was moved on the way.
    """
    places = np.arange(draft.graph.tensor(tensor).element_count)
    found = tensor, places
    for _ in range(_LONGEST_CHAIN):
        if tensor not in draft.writers:
            break
        step = draft.steps[draft.writers[tensor]]
        order = _order(step.operator, step.node.outputs.index(tensor))
        if order is None or draft.graph.tensor(step.reads[0]).data is not None:
            break
        tensor, places = step.reads[0], order[places]
        if not isinstance(step.operator, Reshape):
            found = tensor, places
    return found


def _order(operator: Operator, output: int) -> Int64 | None:
    """Return the place in the input of an output's bytes, None where they do not only move."""
    if isinstance(operator, StridedCopy):
        return operator.places()
    if isinstance(operator, Reshape):
        return np.arange(math.prod(operator.output_shape))
    if isinstance(operator, DealtRows):
        first = list(accumulate(operator.row_bytes, initial=0))[output]
        rows = np.arange(operator.outer) * sum(operator.row_bytes)
        columns = first + np.arange(operator.row_bytes[output])
        return (rows[:, None] + columns).reshape(-1)
    return None


def _copies_after(draft: Draft, step: Step) -> tuple[list[Step], Int64]:
    """Return the copies that a result alone goes through, and its bytes in their last order.

    Only up to the last one that moves bytes. Shape: order: [elements] the place in the result.
    """
    order = np.arange(draft.graph.tensor(step.node.outputs[0]).element_count)
    every, chain = order, list[Step]()
    found: tuple[list[Step], Int64] = [], order
    for _ in range(_LONGEST_CHAIN):
        reader = draft.only_reader((chain[-1] if chain else step).node.outputs[0])
        copy = None if reader is None else draft.steps[reader]
        moved = None if copy is None else _order(copy.operator, 0)
        if copy is None or moved is None or len(copy.node.outputs) != 1:
            break
        if moved.size != every.size or (np.sort(moved) != every).any():  # a part, or repeated
            break
        order = order[moved]
        chain.append(copy)
        if not isinstance(copy.operator, Reshape):
            found = list(chain), order
    return found


def written_at(layer: Walking, places: Int64) -> Walking | None:
    """Return the layer with its outputs at other places, None where steps cannot say where."""
    if isinstance(layer, Lstm):
        return _rewalked_steps(layer, target=places)
    return _rewalked(layer, target=places)


def _rewalked_steps(
    layer: Lstm, source: Int64 | None = None, target: Int64 | None = None
) -> Lstm | None:
    """Return the layer with its steps at other places, None where steps cannot say where.

    Shapes: source, target: [elements] the new place of each element of the tensor.
    """
    lengths = (layer.batches,)
    read = layer.source.places(lengths, layer.steps, layer.inputs)
    written = layer.target.places(lengths, layer.steps, layer.units)
    walks = (
        walk_through(lengths, read if source is None else source[read]),
        walk_through(lengths, written if target is None else target[written]),
    )
    if any(walk is None or walk.value_step != 1 for walk in walks):
        return None
    found = [walk for walk in walks if walk is not None]
    return replace(layer, source=found[0], target=found[1])


def _rewalked(
    product: BatchMatMul,
    lhs: Int64 | None = None,
    rhs: Int64 | None = None,
    target: Int64 | None = None,
) -> BatchMatMul | None:
    """Return the product with sides at other places, None where steps cannot say where.

    Shapes: each of the three: [elements] the new place of each element of the tensor.
    """
    sizes = ((product.rows, product.depth), (product.columns, product.depth))
    sides = (
        (product.lhs, *sizes[0], lhs),
        (product.rhs, *sizes[1], rhs),
        (product.target, product.rows, product.columns, target),
    )
    places = [
        (old if new is None else new[old]).reshape(-1, vectors, values)
        for side, vectors, values, new in sides
        for old in [side.places(product.lengths, vectors, values)]
    ]
    lengths = _loops([side[:, 0, 0] for side in places])
    if lengths is None:
        return None
    found = [walk_through(lengths, side) for side in places]
    if any(walk is None for walk in found) or found[2] is None or found[2].value_step != 1:
        return None
    left, right, written = (walk for walk in found if walk is not None)
    return replace(product, lengths=lengths, lhs=left, rhs=right, target=written)


def _loops(sides: Sequence[Int64]) -> tuple[int, ...] | None:
    """Return lengths of loops over matrices in which every side has one step per loop."""
    lengths: list[int] = []
    while len(sides[0]) > 1:
        run = min(_even_run(side) for side in sides)
        count = len(sides[0])
        run = next(n for n in range(run, 0, -1) if count % n == 0)
        if run == 1:
            return None
        lengths.append(run)
        sides = [side[::run] for side in sides]
    return None if len(lengths) > LOOPS else (1,) * (LOOPS - len(lengths)) + tuple(lengths[::-1])


def _even_run(starts: Int64) -> int:
    """Return how many of the first places lie one step apart."""
    steps = np.diff(starts)
    other = np.flatnonzero(steps != steps[0])
    return int(other[0]) + 1 if len(other) else len(starts)


def walk_through(lengths: tuple[int, ...], places: Int64) -> Matrices | None:
    """Return the walk through places [matrices, vectors, values], None where there is none."""
    shaped = places.reshape(*lengths, *places.shape[1:])
    first = (0,) * shaped.ndim
    steps = []
    for axis, length in enumerate(shaped.shape):
        second = tuple(int(other == axis) for other in range(shaped.ndim))
        steps.append(int(shaped[second] - shaped[first]) if length > 1 else 0)
    *batch_steps, vector_step, value_step = steps
    value_step = value_step if places.shape[2] > 1 else 1
    walk = Matrices(int(shaped[first]), tuple(batch_steps), vector_step, value_step)
    return walk if (walk.places(lengths, *places.shape[1:]) == shaped).all() else None
