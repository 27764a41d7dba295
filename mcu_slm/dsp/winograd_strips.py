"""Which tiles of an image `winograd` does at a time, what memory they take, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.ops.window import Window

_LAYER_BYTES = 48 * 1024
"""Input, output and working memory of a layer, about."""

_WORKING_BYTES = 24 * 1024
"""Working memory alone, about: larger strips transform and load weights less often."""

_KEPT_BYTES = 8 * 1024
"""Transformed weights of a whole layer that are made once and kept while it runs."""

_QUAD_SUMS_BYTES = 512


@dataclass(frozen=True)
class Strip:
    """Tiles that are done at a time: some rows of tiles, or some columns of one row.

    `is_last`: its columns are the last of the image.
    """

    rows: int
    columns: int
    is_last: bool = False

    @property
    def quads(self) -> int:
        """Fours of tiles."""
        return self.rows * -(-self.columns // 4)


@dataclass(frozen=True)
class Memory:
    """Working memory in bytes: what does not depend on the strip, and for each quad of tiles."""

    fixed: int
    per_quad: int
    keeps_weights: bool
    stores_transformed: bool

    @classmethod
    def of(cls, plain: Conv2D, stores_transformed: bool) -> Memory:
        """Return what a layer takes."""
        outputs, _, _, inputs = plain.linear.weights.shape
        all_weights = 32 * inputs * outputs
        keeps_weights = all_weights <= _KEPT_BYTES and not stores_transformed
        weights = all_weights if keeps_weights else 64 * inputs
        rows = 4 * row_pixels(plain.window) * inputs
        fixed = rows + (0 if stores_transformed else weights)
        return cls(fixed, _QUAD_SUMS_BYTES + 128 * inputs, keeps_weights, stores_transformed)


def choose_strip(plain: Conv2D, memory: Memory, working_bytes: int | None = None) -> Strip:
    """Return the smallest of the strips that divide the image into as few as fit the memory.

    Args:
        plain: The layer.
        memory: What it takes.
        working_bytes: What it may take, if one strip of four tiles fits; None: not more than keeps
            the whole layer small.
    """
    window, weights = plain.window, plain.linear.weights
    rows, columns = tiles_of(window)
    if working_bytes is None:
        images = window.height.input * window.width.input * int(weights.shape[3])
        images += window.output_pixels * int(weights.shape[0])
        working_bytes = min(_LAYER_BYTES - images, _WORKING_BYTES)
    quads = max(1, (working_bytes - memory.fixed) // memory.per_quad)
    row_quads = -(-columns // 4)
    if quads < row_quads:
        count = -(-row_quads // quads)
        return Strip(1, 4 * -(-row_quads // count))
    count = -(-rows // min(quads // row_quads, rows))
    return Strip(-(-rows // count), columns)


def strips_of(window: Window, strip: Strip) -> list[Strip]:
    """Return all strips of an image, those at its end smaller; the last of a row is marked."""
    rows, columns = tiles_of(window)
    return [
        Strip(
            min(strip.rows, rows - row),
            min(strip.columns, columns - column),
            column + strip.columns >= columns,
        )
        for row in range(0, rows, strip.rows)
        for column in range(0, columns, strip.columns)
    ]


def tiles_of(window: Window) -> tuple[int, int]:
    """Return the rows and the columns of tiles."""
    return -(-window.height.output // 2), -(-window.width.output // 2)


def row_pixels(window: Window) -> int:
    """Return the columns of the input under whole quads of tiles."""
    return 8 * -(-window.width.output // 8) + 2


def instructions(plain: Conv2D, strip: Strip, memory: Memory, chunks: int) -> float:
    """Estimate the instructions of a layer on a Cortex-M4: 1 to 10 % below those measured."""
    rows, columns = tiles_of(plain.window)
    strips = -(-rows // strip.rows) * -(-columns // strip.columns)
    tiles, quads = rows * columns, strips * strip.quads
    channels, pairs = plain.linear.outputs, int(plain.linear.weights.shape[3]) // 2
    builds = 0 if memory.stores_transformed else 1 if memory.keeps_weights else strips
    products = 16 * (quads * (10.4 * pairs + 9 * chunks) + strips * 10)
    return (
        channels / 2 * (products + 110 * tiles + 100 * strips)
        + 75 * tiles * pairs
        + 60 * channels * pairs * builds
    )


def direct_instructions(plain: Conv2D) -> float:
    """Estimate the same for `convolution`."""
    outputs, depth = len(plain.linear.weights), int(plain.linear.weights[0].size)
    quads = -(-plain.window.output_pixels // 4)
    return quads * (-(-outputs // 2) * (5.5 * depth + 55) + 12 * depth + 700)
