"""Broken recurrent layers: a sound case, a change, the message."""

from __future__ import annotations

from dataclasses import replace

from mcu_slm.ir import Graph, Node
from tests.ops.case import Case
from tests.ops.cases_recurrent import lstm
from tests.ops.changes import Change, node, options, output, scale, tensor

LSTM = lstm("sound", (1, 4, 3), 2)
RECURRENT_SOUND: list[Case] = [LSTM]


def _with_input(position: int, value: int) -> Change:
    """Put tensor `value` at an input of the layer."""

    def change(graph: Graph) -> Graph:
        inputs = list(graph.nodes[0].inputs)
        inputs[position] = value
        return node(inputs=tuple(inputs))(graph)

    return change


def _read_again(graph: Graph) -> Graph:
    """Let a second layer read the cell state."""
    second: Node = replace(graph.nodes[0])
    return replace(graph, nodes=(*graph.nodes, second))


OP = "UNIDIRECTIONAL_SEQUENCE_LSTM"
RECURRENT_BROKEN: dict[tuple[str, str], tuple[Case, Change, str]] = {
    (OP, "count"): (LSTM, node(inputs=(0,)), "1 inputs; expected 24"),
    (OP, "peephole"): (LSTM, _with_input(9, 1), "an LSTM with peephole; expected the plain"),
    (OP, "projection"): (LSTM, _with_input(16, 1), "an LSTM with projection"),
    (OP, "normalised"): (LSTM, _with_input(20, 1), "an LSTM with layer normalisation"),
    (OP, "coupled"): (LSTM, _with_input(1, -1), "input 1 is missing"),
    (OP, "no bias"): (LSTM, _with_input(13, -1), "input 13 is missing"),
    (OP, "activation"): (
        LSTM, options(fused_activation_function="RELU"), "activation RELU; expected TANH",
    ),
    (OP, "projection clip"): (LSTM, options(proj_clip=1.0), "a projection clip"),
    (OP, "diagonal"): (LSTM, options(diagonal_recurrent_tensors=True), "diagonal recurrent"),
    (OP, "clip"): (LSTM, options(cell_clip=-1.0), "cell clip -1.0; expected 0 or more"),
    (OP, "small clip"): (LSTM, options(cell_clip=2.0**-40), r"cell clip 9\.\d+e-13; expected"),
    (OP, "rank"): (LSTM, tensor(0, shape=(4, 3)), "input of rank 2; expected 3"),
    (OP, "output"): (LSTM, output(shape=(1, 2, 4)), r"expected \(1, 4, 2\)"),
    (OP, "weights"): (LSTM, tensor(6, shape=(1, 4)), r"recurrent_1: \(1, 4\); .*\(2, 2\)"),
    (OP, "no variable"): (LSTM, tensor(18, is_variable=False), "h is no variable"),
    (OP, "state"): (LSTM, tensor(19, shape=(2, 2)), r"c: \(2, 2\); expected 2 values"),
    (OP, "shared state"): (LSTM, _read_again, "h is read elsewhere too"),
    (OP, "cell type"): (LSTM, tensor(19, dtype="int8"), "cell state of type int8"),
    (OP, "cell zero point"): (LSTM, tensor(19, quantization=scale(0.5, 1)), "symmetric scale"),
    (OP, "cell scale"): (LSTM, tensor(19, quantization=scale(0.3)), "cell scale is 0.3; .*power"),
    (OP, "coarse cell"): (LSTM, tensor(19, quantization=scale(2.0)), "from 2.-15 to 1"),
    (OP, "hidden type"): (LSTM, tensor(18, dtype="int16"), "h has type int16; expected int8"),
}  # fmt: skip
