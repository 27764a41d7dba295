"""Input windows for the proof when the user has none.

Corners first, then random ones with a seed.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.errors import UsageError
from mcu_slm.ir import Graph, Tensor
from mcu_slm.quant import INT8_MAX, INT8_MIN
from mcu_slm.rows import Rows, pack


def corners(shape: tuple[int, ...], zero_point: int) -> npt.NDArray[np.int8]:
    """Return the inputs on which mistakes hide.

    Both ends, the zero point, alternating ends, ramps.
    """
    count = int(np.prod(shape))
    places = np.arange(count)
    windows = [
        np.full(count, INT8_MIN),
        np.full(count, INT8_MAX),
        np.full(count, zero_point),
        np.where(places % 2, INT8_MAX, INT8_MIN),
        np.where(places % 2, INT8_MIN, INT8_MAX),
        places % 256 + INT8_MIN,
        INT8_MAX - places % 256,
    ]
    return np.stack(windows).astype(np.int8).reshape(-1, *shape)


def random_windows(shape: tuple[int, ...], count: int, seed: int) -> npt.NDArray[np.int8]:
    """Return a mix of uniform, narrow, smooth and extreme windows.

    Uniform noise alone hides bugs.
    """
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    kinds = (
        lambda: rng.integers(INT8_MIN, INT8_MAX + 1, size),
        lambda: np.rint(rng.normal(0.0, 20.0, size)),
        lambda: np.rint(np.cumsum(rng.normal(0.0, 4.0, size)) % 256 + INT8_MIN),
        lambda: rng.choice(np.array([INT8_MIN, INT8_MAX]), size),
    )
    windows = [np.clip(kinds[i % len(kinds)](), INT8_MIN, INT8_MAX) for i in range(count)]
    return np.array(windows, np.int8).reshape(-1, *shape)


def default_windows(
    shape: tuple[int, ...], zero_point: int, count: int, seed: int
) -> npt.NDArray[np.int8]:
    """Return `count` windows, corners first."""
    fixed = corners(shape, zero_point)[:count]
    return (
        np.concatenate([fixed, random_windows(shape, count - len(fixed), seed)])
        if (count > len(fixed))
        else fixed
    )


def graph_corners(graph: Graph) -> Rows:
    """Return the corners for every input of a graph, as rows."""
    arrays = []
    for number in graph.inputs:
        tensor = graph.tensor(number)
        arrays.append(_as_type(graph, number, corners(tensor.shape, _zero_point(tensor)), None))
    return pack(graph, graph.inputs, arrays)


def graph_noise(graph: Graph, count: int, seed: int) -> Rows:
    """Return random windows for every input of a graph, as rows."""
    arrays = []
    for position, number in enumerate(graph.inputs):
        values = random_windows(graph.tensor(number).shape, count, seed + position)
        rng = np.random.default_rng((seed, position))
        arrays.append(_as_type(graph, number, values, rng))
    return pack(graph, graph.inputs, arrays)


def graph_windows(graph: Graph, count: int, seed: int) -> Rows:
    """Return `count` rows for a graph, corners first."""
    fixed = graph_corners(graph)[:count]
    return np.concatenate([fixed, graph_noise(graph, count - len(fixed), seed)])


def _zero_point(tensor: Tensor) -> int:
    inside = tensor.quantization is not None and tensor.dtype == "int8"
    return tensor.quantization.zero_point if inside and tensor.quantization else 0


def _as_type(
    graph: Graph, number: int, values: npt.NDArray[np.int8], rng: np.random.Generator | None
) -> npt.NDArray[Any]:
    """Return int8 test values as values of an input's own type that mean something there."""
    tensor = graph.tensor(number)
    wide = values.astype(np.int64)
    if tensor.dtype == "float32":
        scale, zero_point = _quantized_as(graph, number)
        noise = rng.uniform(-0.5, 0.5, values.shape) if rng else 0.0
        return ((wide - zero_point + noise) * scale).astype(np.float32)
    if tensor.dtype in ("uint8", "bool"):
        return (wide - INT8_MIN if tensor.dtype == "uint8" else wide & 1).astype(tensor.dtype)
    if tensor.dtype == "int16":
        return np.clip(wide * 258, -(2**15), 2**15 - 1).astype(np.int16)
    if tensor.dtype == "int32" and _reader(graph, number) in ("CAST", "QUANTIZE"):
        return (wide * 0x01010101).astype(np.int32)
    if tensor.dtype in ("int32", "int64"):  # numbers of rows in a table
        return (np.abs(wide) % _table_rows(graph, number)).astype(tensor.dtype)
    return values.astype(tensor.dtype)


def _reader(graph: Graph, number: int) -> str:
    """Return the operator that reads a tensor first, empty for none."""
    return next((node.op for node in graph.nodes if number in node.inputs), "")


def _quantized_as(graph: Graph, number: int) -> tuple[float, int]:
    """Return scale and zero point of the QUANTIZE that reads a float input."""
    for node in graph.nodes:
        if node.op == "QUANTIZE" and node.inputs[0] == number:
            quantization = graph.tensor(node.outputs[0]).quantization
            if quantization is not None:
                return quantization.scale, quantization.zero_point
    return 1.0 / 16.0, 0


def _table_rows(graph: Graph, number: int) -> int:
    """Return how many rows the tables have that an input chooses from."""
    rows = []
    for node in graph.nodes:
        if node.op == "GATHER" and node.inputs[1] == number:
            axis = int(node.options.get("axis", 0))
            rows.append(graph.tensor(node.inputs[0]).shape[axis])
        elif node.op == "EMBEDDING_LOOKUP" and node.inputs[0] == number:
            rows.append(graph.tensor(node.inputs[1]).shape[0])
    return min(rows, default=INT8_MAX + 1)


def load_windows(path: Path, graph: Graph) -> Rows:
    """Read windows of a model's one input from an .npy file, as rows.

    Raises:
        UsageError: Unreadable, another type, another size, or the model has several inputs.
    """
    if len(graph.inputs) != 1:
        raise UsageError(f"--inputs {path}", f"the model has {len(graph.inputs)} inputs", "one")
    tensor = graph.tensor(graph.inputs[0])
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise UsageError(f"--inputs {path}", f"cannot be read ({error})", "an .npy file") from error
    if not isinstance(array, np.ndarray) or array.dtype != np.dtype(tensor.dtype):
        found = f"type {getattr(array, 'dtype', 'archive')}"
        raise UsageError(
            f"--inputs {path}", found, tensor.dtype, "Give values as the model's input takes them."
        )
    size = tensor.element_count
    if array.ndim == 0 or array.size == 0 or array.size % size:
        expected = f"[windows, {', '.join(map(str, tensor.shape))}]"
        raise UsageError(f"--inputs {path}", f"shape {array.shape}", expected)
    return pack(graph, graph.inputs, [array.reshape(-1, *tensor.shape)])
