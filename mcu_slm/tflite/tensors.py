"""Tensor tables -> `ir.Tensor`: type, shape, quantisation and constant data, each checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import HANDLE, Quantization, Tensor
from mcu_slm.tflite.rules import printable, refuse, unsupported
from mcu_slm.tflite.schema import TENSOR_TYPES

MAX_TENSOR_BYTES = 16 << 20
MAX_RANK = 6
"""TensorFlow Lite Micro's shapes hold six dimensions and do not check for more."""

ZERO_POINT_RANGES = {
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
}
"""Types that are quantised; others carry zero, if anything."""

_NUMERIC = frozenset(
    "float32 float16 float64 int8 uint8 bool int16 uint16 int32 uint32 int64 uint64".split()
)
_FIXED_SHAPE = "Export with a fixed batch of 1 and no empty dimension."


def read_tensor(name: str, index: int, fields: Mapping[str, Any], buffers: list[Any]) -> Tensor:
    """Return tensor `index` of the file called `name`.

    Raises:
        ModelError: The tensor contradicts itself or the format.
        UnsupportedOperatorError: Sparse, blockwise quantised or not numeric.
    """
    label = fields["name"] or f"tensor {index}"
    where = f"{name}: tensor {index} ({printable(label)})"
    dtype = TENSOR_TYPES.get(fields["type"])
    if dtype is None:
        refuse("type", where, f"unknown element type {fields['type']}")
    if dtype == HANDLE:
        return _handle(where, label, fields, buffers)
    if dtype not in _NUMERIC:
        kind = "tensor" if fields["buffer"] == 0 else "constant"
        unsupported("type", where, f"{kind} of type {dtype}", "numbers of whole bytes")
    if fields["sparsity"] is not None:
        unsupported("sparse", where, "sparse weights", "dense weights", "Export without sparsity.")
    shape = _shape(where, fields["shape"], np.dtype(dtype).itemsize)
    quantization = _quantization(where, shape, dtype, fields["quantization"])
    tensor = Tensor(label, shape, dtype, quantization, None, fields["is_variable"])
    if fields["external_buffer"]:
        found = f"data in external buffer {fields['external_buffer']}"
        unsupported("external-data", where, found, "data in the file", "Export as one flatbuffer.")
    if fields["buffer"] >= len(buffers):
        found = f"buffer {fields['buffer']} of {len(buffers)}"
        refuse("buffer-index", where, found, "a buffer that exists")
    raw = buffers[fields["buffer"]]["data"]
    if raw is None or len(raw) == 0:
        return tensor
    if tensor.is_variable:
        refuse("variable", where, "a variable with constant data", "a variable without")
    data = _data(where, tensor, raw)
    return Tensor(label, shape, dtype, quantization, data, is_variable=False)


def _handle(where: str, label: str, fields: Mapping[str, Any], buffers: list[Any]) -> Tensor:
    """Return a tensor that stands for a variable: one element, no values."""
    shape = _shape(where, fields["shape"], 1)
    if math.prod(shape) != 1:
        refuse("handle", where, f"a handle of shape {list(shape)}", "one element")
    if fields["is_variable"] or fields["sparsity"] is not None or fields["external_buffer"]:
        refuse("handle", where, "a handle that holds values", "none")
    if fields["buffer"] >= len(buffers) or buffers[fields["buffer"]]["data"] is not None:
        refuse("handle", where, f"a handle with data, in buffer {fields['buffer']}", "none")
    return Tensor(label, shape, HANDLE)


def _shape(where: str, dimensions: npt.NDArray[np.int32] | None, width: int) -> tuple[int, ...]:
    """Return the shape; empty dimensions pass, because unused placeholders have some."""
    rank = 0 if dimensions is None else len(dimensions)
    if rank > MAX_RANK:
        refuse("rank", where, f"rank {rank}", f"at most {MAX_RANK}")
    shape = () if dimensions is None else tuple(int(n) for n in dimensions)
    if any(n < 0 for n in shape):
        found = f"shape {list(shape)}"
        refuse("dimension", where, found, "dimensions of 1 and more", _FIXED_SHAPE)
    if math.prod(n or 1 for n in shape) * width > MAX_TENSOR_BYTES:
        expected = f"at most {MAX_TENSOR_BYTES:,} bytes"
        refuse("tensor-size", where, f"shape {list(shape)}", expected)
    return shape


def _quantization(
    where: str, shape: tuple[int, ...], dtype: str, fields: Mapping[str, Any] | None
) -> Quantization | None:
    if fields is None:
        return None
    if fields["details"] is not None:
        unsupported("quantisation-details", where, "custom quantisation", "scales and zero points")
    scales = fields["scale"]
    if scales is None or len(scales) == 0:
        return None
    bad = scales[~(np.isfinite(scales) & (scales > 0))]
    if len(bad):
        refuse("scale", where, f"scale is {float(bad[0])!r}", "a finite number above 0")
    points = _zero_points(where, dtype, len(scales), fields["zero_point"])
    axis = _axis(where, shape, len(scales), int(fields["quantized_dimension"]))
    return Quantization(tuple(float(s) for s in scales), points, axis)


def _zero_points(
    where: str, dtype: str, count: int, points: npt.NDArray[np.int64] | None
) -> tuple[int, ...]:
    given = 0 if points is None else len(points)
    if points is None or given not in (1, count):
        found = f"{count} scales, {given} zero points"
        refuse("zero-point", where, found, "one zero point per scale")
    low, high = ZERO_POINT_RANGES.get(dtype, (0, 0))
    bad = points[(points < low) | (points > high)]
    if len(bad):
        expected = f"{low} to {high} for {dtype}" if high else f"0 for {dtype}"
        refuse("zero-point", where, f"zero point is {int(bad[0])}", expected)
    return tuple(int(z) for z in np.broadcast_to(points, (count,)))


def _axis(where: str, shape: tuple[int, ...], count: int, axis: int) -> int:
    """Return the quantised dimension.

    With one scale it says nothing. Published files give biases the dimension of their weights: a
    vector has only one.
    """
    if count == 1:
        return axis
    if len(shape) == 1:
        axis = 0
    if not 0 <= axis < len(shape):
        expected = f"an axis of shape {list(shape)}"
        refuse("quantised-dimension", where, f"quantised dimension {axis}", expected)
    if shape[axis] != count:
        found = f"{count} scales for shape {list(shape)}"
        expected = f"one per channel: {shape[axis]} along axis {axis}"
        refuse("quantised-dimension", where, found, expected)
    return axis


def _data(where: str, tensor: Tensor, raw: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    if len(raw) != tensor.byte_count:
        found = f"{len(raw):,} bytes of data for shape {list(tensor.shape)} {tensor.dtype}"
        refuse("data-size", where, found, f"{tensor.byte_count:,}")
    if tensor.dtype == "bool" and raw.max() > 1:
        refuse("truth-value", where, f"byte {raw.max()} among truth values", "0 or 1")
    dtype = np.dtype(tensor.dtype).newbyteorder("<")
    return np.frombuffer(raw, dtype).astype(tensor.dtype, copy=False).reshape(tensor.shape)
