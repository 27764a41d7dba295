"""The kernels of `winograd`, made for a number of input channels and a form of rescaling."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.matrix import Matrix
from mcu_slm.ops.base import GeneratedKernel

_BANK = 32
"""Single-precision registers: weights of two channels for as many of the 16 values as fit."""

_PREFIX = "mcu_slm_dsp_winograd"


@dataclass(frozen=True)
class TransformsText:
    """The holes of `kernels/dsp/dsp_winograd_transforms.[ch].j2`."""

    name: str
    guard: str
    indent: str
    channels: int
    chunks: int
    chunk_pairs: int


@dataclass(frozen=True)
class ProductsText:
    """The holes of `kernels/dsp/dsp_winograd_products.[ch].j2`."""

    name: str
    guard: str
    is_first: bool
    chunk_pairs: int
    values: int
    bank: str


@dataclass(frozen=True)
class TilesText:
    """The holes of `kernels/dsp/dsp_winograd_tiles.[ch].j2`."""

    name: str
    guard: str
    shift: int
    form: str
    clamp: bool


@dataclass(frozen=True)
class WinogradText:
    """The holes of `kernels/dsp/dsp_winograd.[ch].j2`."""

    name: str
    guard: str
    indent: str
    transforms: str
    products: str
    tiles: str
    chunks: int
    chunk_pairs: int
    scale_words: int


def kernels_of(matrix: Matrix, channels: int, chunks: int) -> tuple[GeneratedKernel, ...]:
    """Return the kernels of the steps and, last, the one of the layer, which calls them.

    Args:
        matrix: The layer's numbers.
        channels: Input channels.
        chunks: Into how many parts their pairs fall.
    """
    pairs = channels // 2 // chunks
    transforms, tiles = _transforms(channels, chunks), _tiles(matrix)
    products = [_products(pairs, is_first=is_first) for is_first in (True, False)[:chunks]]
    name = f"{_PREFIX}_{channels}_{_form(matrix)}"
    text = WinogradText(
        name,
        _guard(name),
        _indent(name),
        transforms.name,
        products[0].name,
        tiles.name,
        chunks,
        pairs,
        2 if matrix.form == "short" else 3,
    )
    layer = GeneratedKernel(name, "dsp/dsp_winograd", text)
    return (transforms, *products, tiles, layer)


def _transforms(channels: int, chunks: int) -> GeneratedKernel:
    name = f"{_PREFIX}_transforms_{channels}"
    pairs = channels // 2 // chunks
    text = TransformsText(name, _guard(name), _indent(name), channels, chunks, pairs)
    return GeneratedKernel(name, "dsp/dsp_winograd_transforms", text)


def _products(pairs: int, *, is_first: bool) -> GeneratedKernel:
    name = f"{_PREFIX}_products_{2 * pairs}{'' if is_first else '_more'}"
    values = 1 << (_BANK // (2 * pairs)).bit_length() - 1
    bank = ", ".join(f'"s{register}"' for register in range(2 * values * pairs))
    text = ProductsText(name, _guard(name), is_first, pairs, values, bank)
    return GeneratedKernel(name, "dsp/dsp_winograd_products", text)


def _tiles(matrix: Matrix) -> GeneratedKernel:
    name = f"{_PREFIX}_tiles_{_form(matrix)}"
    shift, clamp = matrix.rescaling.shift, matrix.is_clamped
    text = TilesText(name, _guard(name), shift, matrix.form, clamp)
    return GeneratedKernel(name, "dsp/dsp_winograd_tiles", text)


def _form(matrix: Matrix) -> str:
    clamp = "_clamped" if matrix.is_clamped else ""
    return f"{matrix.form}_{matrix.rescaling.shift}{clamp}"


def _guard(name: str) -> str:
    return f"{name.upper()}_H"


def _indent(name: str) -> str:
    return " " * len(f"void {name}(")
