"""Removes the nodes whose results are known before the first input.

Their output tensors become constants under the numbers that they have in the file, so that messages
and difference reports still name what Netron shows. The judge always runs the file as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import NoReturn

import numpy as np

from mcu_slm.ir import Graph, Tensor
from mcu_slm.ops.base import NodeView
from mcu_slm.ops.folding import Array, Fold
from mcu_slm.ops.support import Support

MAX_FOLDED_BYTES = 4 << 20
"""Bytes read and written by all folded nodes together: a bound on what a hostile file costs."""


def fold_nodes(graph: Graph, modules: Mapping[str, ModuleType]) -> Graph:
    """Return the graph with constants in place of the nodes that `modules` can fold.

    A node whose result is an output of the graph stays.

    Raises:
        ModelError: A node contradicts itself.
        UnsupportedOperatorError: Together they are larger than the limit.
    """
    kept, cost = [], 0
    for index, node in enumerate(graph.nodes):
        view = NodeView(graph, node, index)
        fold = _applicable(view, modules.get(node.op))
        if fold is None:
            kept.append(node)
            continue
        cost += _byte_count(view, fold)
        if cost > MAX_FOLDED_BYTES:
            view.unsupported(
                "more constants are computed from constants than this compiler folds",
                f"at most {MAX_FOLDED_BYTES:,} bytes",
                "Fold the constants when exporting.",
            )
        graph = _with_data(view, fold.evaluate(view))
    return replace(graph, nodes=tuple(kept)) if len(kept) < len(graph.nodes) else graph


def refuse_unfolded(view: NodeView, support: Support) -> None:
    """Raise the error of a node that can only be folded and was not, if it is one."""
    fold = support.fold
    subject = view.optional_input(fold.subject) if fold is not None else None
    if fold is None or subject is None:
        return
    if subject.dtype in fold.types and subject.dtype not in support.run_inputs:
        _refuse(view, subject, shape_only=fold.shape_only)


def _refuse(view: NodeView, subject: Tensor, *, shape_only: bool) -> NoReturn:
    inputs = [view.graph.tensor(number) for number in view.node.inputs if number >= 0]
    if shape_only or all(tensor.data is not None for tensor in inputs):
        view.unsupported(
            "an output of the model would be a constant",
            "a value that depends on the input",
            "Export the model without that output.",
        )
    view.unsupported(
        f"{subject.name} has type {subject.dtype} and is computed at run time",
        "int8, or a value that follows from constants and shapes",
        "Quantise the model fully to int8, or compute this outside the model.",
    )


def _applicable(view: NodeView, module: ModuleType | None) -> Fold | None:
    """Return how to fold a node, None where its operator, types or inputs do not allow it."""
    fold: Fold | None = getattr(module, "FOLD", None)
    if fold is None or set(view.node.outputs) & set(view.graph.outputs):
        return None
    subject = view.optional_input(fold.subject)
    if subject is None or subject.dtype not in fold.types:
        return None
    inputs = [view.graph.tensor(number) for number in view.node.inputs if number >= 0]
    known = fold.shape_only or all(tensor.data is not None for tensor in inputs)
    return fold if known else None


def _byte_count(view: NodeView, fold: Fold) -> int:
    numbers = [*view.node.outputs, *(() if fold.shape_only else view.node.inputs)]
    return sum(view.graph.tensor(number).byte_count for number in numbers if number >= 0)


def _with_data(view: NodeView, results: Sequence[Array]) -> Graph:
    """Return the graph in which the node's outputs are constants."""
    tensors = list(view.graph.tensors)
    view.expect_count((len(view.node.inputs),), len(results))
    for number, result in zip(view.node.outputs, results, strict=True):
        tensor, found = tensors[number], f"{result.dtype.name} {list(result.shape)}"
        right = result.dtype.name == tensor.dtype and result.shape == tensor.shape
        expected = f"{tensor.dtype} {list(tensor.shape)}, as {tensor.name} says"
        view.require(right, f"the result is {found}", expected)
        tensors[number] = replace(tensor, data=np.array(result, order="C"))
    return replace(view.graph, tensors=tuple(tensors))
