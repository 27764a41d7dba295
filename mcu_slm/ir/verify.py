"""Checks that a graph is sound, after it was read and after every step that rewrites it.

A file was checked before (`mcu_slm.tflite`); what is found here was broken by this compiler.
"""

from __future__ import annotations

from mcu_slm.ir.graph import HANDLE, Graph


def verify(graph: Graph) -> list[str]:
    """Return what is wrong with a graph, nothing if it is sound.

    Every number names a tensor; every tensor that a layer or the caller reads is an input, a
    constant, state, or was written before; none is written twice, and no input or constant is.
    """
    count, wrong = len(graph.tensors), list[str]()
    known = set(graph.inputs)
    known |= {i for i, t in enumerate(graph.tensors) if t.data is not None or t.is_variable}
    fixed = frozenset(known)
    for index, node in enumerate(graph.nodes):
        where = f"layer {index} ({node.op})"
        named = (*node.inputs, *node.outputs, *node.intermediates)
        strange = [number for number in named if not -1 <= number < count]
        wrong += [f"{where} names tensor {number} of {count}" for number in strange]
        if strange:
            continue
        for number in node.inputs:
            if number >= 0 and number not in known:
                wrong.append(f"{where} reads {graph.tensor(number).name}, which is not there yet")
        for number in node.outputs:
            if number in fixed or (number in known and graph.tensor(number).dtype != HANDLE):
                wrong.append(f"{where} writes {graph.tensor(number).name}, which is there already")
            known.add(number)
    wrong += [
        f"output {graph.tensor(number).name} is never written"
        for number in graph.outputs
        if number not in known
    ]
    return wrong + [
        f"constant {tensor.name} has shape {tensor.data.shape} and type {tensor.data.dtype.name}, "
        f"said to be {tensor.shape} and {tensor.dtype}"
        for tensor in graph.tensors
        if tensor.data is not None
        and (tensor.data.shape != tensor.shape or tensor.data.dtype.name != tensor.dtype)
    ]
