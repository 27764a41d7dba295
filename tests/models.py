"""Small graphs for the tests of the compiler: one operator each, or one graph with all of them.

Every graph has one int8 input and one int8 output unless it says otherwise: it can be compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mcu_slm import judge, ops
from mcu_slm.ir import Graph, GraphBuilder, Node, Tensor
from mcu_slm.metadata import METADATA_NAME, ModelInfo
from mcu_slm.rows import unpack
from mcu_slm.verify.inputs import graph_windows
from tests.elementwise_layers import elementwise_layers
from tests.logic_layers import logic_layers
from tests.moving_layers import moving_layers
from tests.recurrent_layers import lstm_layer
from tests.reducing_layers import reducing_layers
from tests.window_layers import window_layers

needs_judge = pytest.mark.skipif(
    not judge.available("tflm"), reason="skipped: tflite-micro is not installed"
)

Windows = npt.NDArray[Any]


def windows_of(graph: Graph, count: int, seed: int, lowest: int = -128) -> list[Windows]:
    """Return `count` windows per graph input, corners first, no int8 value below `lowest`."""
    found = unpack(graph, graph.inputs, graph_windows(graph, count, seed))
    return [np.maximum(x, np.int8(lowest)) if x.dtype == np.int8 else x for x in found]


def merge(graphs: Sequence[Graph]) -> Graph:
    """Return one graph with all inputs and outputs, so that one judge process answers for all.

    Variables are told apart by the number of their graph; one CALL_ONCE gives all start values.
    """
    tensors, nodes, inputs, outputs = [], [], [], []
    starts: dict[str, Tensor] = {}
    for number, graph in enumerate(graphs):
        base = len(tensors)
        tensors += [replace(t, name=f"{number}/{t.name}") for t in graph.tensors]
        nodes += [
            replace(
                node,
                inputs=tuple(i + base if i >= 0 else i for i in node.inputs),
                outputs=tuple(i + base for i in node.outputs),
                options=_of_graph(number, node),
            )
            for node in graph.nodes
            if node.op != "CALL_ONCE"
        ]
        starts |= {f"{number}/{name}": value for name, value in graph.start_values.items()}
        inputs += [i + base for i in graph.inputs]
        outputs += [i + base for i in graph.outputs]
    if starts:
        nodes.insert(0, Node("CALL_ONCE", (), (), {"init_subgraph_index": 1}))
    ends = (tuple(inputs), tuple(outputs))
    return Graph(tuple(tensors), tuple(nodes), *ends, start_values=starts)


def _of_graph(number: int, node: Node) -> dict[str, Any]:
    """Return a node's options, a variable's name made that of graph `number`."""
    if node.op != "VAR_HANDLE":
        return dict(node.options)
    return {"container": "", "shared_name": f"{number}/{node.options['shared_name']}"}


def indices(builder: GraphBuilder, name: str, values: Sequence[int] | int) -> int:
    """Add a constant int32 tensor: axes, a permutation, a shape."""
    shape = () if isinstance(values, int) else (len(values),)
    return builder.tensor(name, shape, "int32", data=values)


def random_weights(
    builder: GraphBuilder,
    rng: np.random.Generator,
    shape: tuple[int, ...],
    *,
    peak: int = 127,
    per_channel: bool = True,
) -> tuple[int, npt.NDArray[np.float32]]:
    """Add weights [channels, ...]; return their tensor and scales, one per channel or one."""
    data = rng.integers(-peak, peak + 1, shape)
    scale = rng.uniform(0.002, 0.02, shape[0] if per_channel else 1).astype(np.float32)
    return builder.tensor("weights", shape, scale=scale, data=data), scale


def random_bias(
    builder: GraphBuilder, rng: np.random.Generator, channels: int, scale: npt.ArrayLike
) -> int:
    """Add an int32 bias at the given scales."""
    return builder.tensor(
        "bias",
        (channels,),
        "int32",
        scale=np.broadcast_to(scale, (channels,)),
        data=rng.integers(-3000, 3000, channels),
    )


def tiny(labels: tuple[str, ...] = ("rest", "walk"), name: str = "logits") -> Graph:
    """Return one fully connected layer, 4 inputs and 2 outputs, with round numbers throughout."""
    b = GraphBuilder(description="tiny")
    x = b.tensor("window", (1, 4), scale=0.5, zero_point=-3)
    weights = b.tensor("weights", (2, 4), scale=0.25, data=[[1, -2, 3, -4], [100, 50, -50, -100]])
    bias = b.tensor("bias", (2,), "int32", scale=0.125, data=[10, -20])
    y = b.tensor(name, (1, 2), scale=2.0, zero_point=5)
    b.node("FULLY_CONNECTED", [x, weights, bias], [y], fused_activation_function="NONE")
    return b.build([x], [y], {METADATA_NAME: ModelInfo(labels=labels).to_bytes()})


def every_operator(labels: tuple[str, ...] = ()) -> Graph:
    """Return a small attention network that uses every operator without state.

    Mostly off saturation; `streaming` uses the others. Constants are folded: what is left runs.
    """
    return ops.fold_graph(unfolded_every_operator(labels))


def unfolded_every_operator(labels: tuple[str, ...] = ()) -> Graph:
    """Return the network of `every_operator` as a file has it."""
    rng = np.random.default_rng(11)
    b = GraphBuilder(name="main", description="every operator")
    x = b.tensor("window", (1, 8, 6), scale=0.03, zero_point=4)
    image = b.tensor("image", (1, 1, 8, 6), scale=0.03, zero_point=4)
    b.node("RESHAPE", [x, indices(b, "image_shape", (1, 1, 8, 6))], [image], new_shape=(1, 1, 8, 6))
    features = b.tensor("features", (1, 1, 8, 8), scale=0.06, zero_point=-9)
    weights, scales = random_weights(b, rng, (8, 1, 3, 6))
    bias = random_bias(b, rng, 8, 0.03 * scales)
    b.node(
        "CONV_2D", [image, weights, bias], [features],
        padding="SAME", stride_w=1, stride_h=1, dilation_w_factor=1, dilation_h_factor=1,
        fused_activation_function="RELU6",
    )  # fmt: skip
    features = window_layers(b, rng, features)
    tokens = b.tensor("tokens", (1, 8, 8), scale=0.06, zero_point=-9)
    b.node(
        "RESHAPE", [features, indices(b, "token_shape", (1, 8, 8))], [tokens], new_shape=(1, 8, 8)
    )
    attended = _attention(b, logic_layers(b, moving_layers(b, tokens)))
    normal = _normalised(b, attended)
    unit = b.tensor("unit", (1, 8, 8), scale=1 / 128)
    bent = reducing_layers(b, elementwise_layers(b, normal))
    b.node("L2_NORMALIZATION", [bent], [unit], fused_activation_function="NONE")
    unit = _through_real_numbers(b, lstm_layer(b, rng, unit, 1 / 128, 8))
    mean = b.tensor("mean", (1, 8), scale=0.004, zero_point=2)
    b.node("MEAN", [unit, indices(b, "time", (1,))], [mean], keep_dims=False)
    classes, scale = random_weights(b, rng, (3, 8), per_channel=False)
    y = b.tensor("logits", (1, 3), scale=0.02, zero_point=-4)
    bias = random_bias(b, rng, 3, 0.004 * scale)
    b.node("FULLY_CONNECTED", [mean, classes, bias], [y], fused_activation_function="NONE")
    return b.build([x], [y], {METADATA_NAME: ModelInfo(labels=labels).to_bytes()})


def _through_real_numbers(b: GraphBuilder, x: int) -> int:
    """Return values at scale 1 / 128 by way of int16 and float32."""
    wide = b.tensor("wide", b.shape(x), "int16", scale=1 / 32768)
    b.node("QUANTIZE", [x], [wide])
    real = b.tensor("real", b.shape(x), "float32")
    b.node("DEQUANTIZE", [wide], [real])
    y = b.tensor("whole", b.shape(x), scale=1 / 128)
    b.node("QUANTIZE", [real], [y])
    return y


def _attention(b: GraphBuilder, tokens: int) -> int:
    """Return softmax(q k^T) v beside k, added to the tokens; [1, 8, 8] at scale 0.06."""
    halves = [b.tensor(name, (1, 8, 4), scale=0.06, zero_point=-9) for name in ("query", "key")]
    b.node("SPLIT", [indices(b, "depth", 2), tokens], halves, num_splits=2)
    query, key = halves
    scores = b.tensor("scores", (1, 8, 8), scale=0.15, zero_point=3)
    b.node("BATCH_MATMUL", [query, key], [scores], adj_x=False, adj_y=True)
    weights = b.tensor("attention", (1, 8, 8), scale=1 / 256, zero_point=-128)
    b.node("SOFTMAX", [scores], [weights], beta=1.0)
    mixed = b.tensor("mixed", (1, 8, 4), scale=0.06, zero_point=-9)
    b.node("BATCH_MATMUL", [weights, key], [mixed], adj_x=False, adj_y=False)
    joined = b.tensor("joined", (1, 8, 8), scale=0.06, zero_point=-9)
    b.node("CONCATENATION", [mixed, query], [joined], axis=2, fused_activation_function="NONE")
    turned = b.tensor("turned", (1, 8, 8), scale=0.06, zero_point=-9)
    b.node("TRANSPOSE", [joined, indices(b, "turn", (0, 2, 1))], [turned])
    total = b.tensor("attended", (1, 8, 8), scale=0.06, zero_point=-11)
    b.node("ADD", [turned, tokens], [total], fused_activation_function="NONE")
    return total


def _normalised(b: GraphBuilder, x: int) -> int:
    """Return (x - mean) / sqrt(mean((x - mean)^2)) over the last axis, [1, 8, 8]."""
    mean = b.tensor("row_mean", (1, 8, 1), scale=0.05, zero_point=-7)
    b.node("MEAN", [x, indices(b, "last", (-1,))], [mean], keep_dims=True)
    centred = b.tensor("centred", (1, 8, 8), scale=0.05, zero_point=6)
    b.node("SUB", [x, mean], [centred], fused_activation_function="NONE")
    squared = b.tensor("squared", (1, 8, 8), scale=0.08, zero_point=-128)
    b.node("MUL", [centred, centred], [squared], fused_activation_function="NONE")
    variance = b.tensor("variance", (1, 8, 1), scale=0.03, zero_point=-128)
    b.node("MEAN", [squared, indices(b, "last_again", (2,))], [variance], keep_dims=True)
    inverse = b.tensor("inverse", (1, 8, 1), scale=0.03, zero_point=-128)
    b.node("RSQRT", [variance], [inverse])
    normal = b.tensor("normal", (1, 8, 8), scale=0.03, zero_point=0)
    b.node("MUL", [centred, inverse], [normal], fused_activation_function="NONE")
    return normal
