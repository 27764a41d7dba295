"""The kernels of Winograd's method, made for a number of input channels and a form of rescaling."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.matrix import Matrix
from mcu_slm.dsp.winograd_strips import LARGE, SMALL, values_of
from mcu_slm.ops.base import GeneratedKernel

_BANK = 32
"""Single-precision registers: weights of two channels for as many of the values as fit."""

_FAMILY = {SMALL: "winograd", LARGE: "winograd4"}
"""What names of kernels and templates begin with, by the side of a tile."""


@dataclass(frozen=True)
class TransformsText:
    """The holes of `kernels/dsp/dsp_winograd_transforms.[ch].j2`, and of those of F(4x4)."""

    name: str
    guard: str
    indent: str
    channels: int
    chunks: int
    chunk_pairs: int


@dataclass(frozen=True)
class ProductsText:
    """The holes of `kernels/dsp/dsp_winograd_products.[ch].j2`; `places`: values of a tile."""

    name: str
    guard: str
    is_first: bool
    places: int
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
class Tiles4Text:
    """The holes of `kernels/dsp/dsp_winograd4_tiles.[ch].j2`."""

    name: str
    guard: str
    shift: int
    form: str


@dataclass(frozen=True)
class WinogradText:
    """The holes of `kernels/dsp/dsp_winograd.[ch].j2` and of `dsp_winograd4.[ch].j2`."""

    name: str
    guard: str
    indent: str
    transforms: str
    products: str
    tiles: str
    chunks: int
    chunk_pairs: int
    has_more: bool
    form: str


def kernels_of(
    matrix: Matrix, side: int, channels: int, chunks: int, has_more: bool
) -> tuple[GeneratedKernel, ...]:
    """Return the kernels of the steps and, last, the one of the layer, which calls them.

    Those of large tiles are made for a part of the channels, those of small ones for all.

    Args:
        matrix: The layer's numbers.
        side: The side of a tile of the output.
        channels: Input channels.
        chunks: Into how many parts their pairs fall.
        has_more: Whether any layer that shares the kernels has several parts.
    """
    pairs = channels // 2 // chunks
    transforms, tiles = _transforms(side, channels, chunks), _tiles(matrix, side)
    products = [_products(side, pairs, is_first=is_first) for is_first in (True, False)]
    depth = f"{2 * pairs}{'_more' if has_more else ''}" if side == LARGE else str(channels)
    name = f"mcu_slm_dsp_{_FAMILY[side]}_{depth}_{_form(matrix)}"
    text = WinogradText(
        name,
        _guard(name),
        _indent(name),
        transforms.name,
        products[0].name,
        tiles.name,
        chunks,
        pairs,
        has_more,
        matrix.form,
    )
    layer = GeneratedKernel(name, f"dsp/dsp_{_FAMILY[side]}", text)
    return (transforms, *products[: 1 + has_more], tiles, layer)


def _transforms(side: int, channels: int, chunks: int) -> GeneratedKernel:
    pairs = channels // 2 // chunks
    name = f"mcu_slm_dsp_{_FAMILY[side]}_transforms_{2 * pairs if side == LARGE else channels}"
    text = TransformsText(name, _guard(name), _indent(name), channels, chunks, pairs)
    return GeneratedKernel(name, f"dsp/dsp_{_FAMILY[side]}_transforms", text)


def _products(side: int, pairs: int, *, is_first: bool) -> GeneratedKernel:
    name = f"mcu_slm_dsp_{_FAMILY[side]}_products_{2 * pairs}{'' if is_first else '_more'}"
    values = 1 << (_BANK // (2 * pairs)).bit_length() - 1
    bank = ", ".join(f'"s{register}"' for register in range(2 * values * pairs))
    text = ProductsText(name, _guard(name), is_first, values_of(side), pairs, values, bank)
    return GeneratedKernel(name, "dsp/dsp_winograd_products", text)


def _tiles(matrix: Matrix, side: int) -> GeneratedKernel:
    name = f"mcu_slm_dsp_{_FAMILY[side]}_tiles_{_form(matrix)}"
    common = (name, _guard(name), matrix.rescaling.shift, matrix.form)
    text = TilesText(*common, matrix.is_clamped) if side == SMALL else Tiles4Text(*common)
    return GeneratedKernel(name, f"dsp/dsp_{_FAMILY[side]}_tiles", text)


def _form(matrix: Matrix) -> str:
    clamp = "_clamped" if matrix.is_clamped else ""
    return f"{matrix.form}_{matrix.rescaling.shift}{clamp}"


def _guard(name: str) -> str:
    return f"{name.upper()}_H"


def _indent(name: str) -> str:
    return " " * len(f"void {name}(")
