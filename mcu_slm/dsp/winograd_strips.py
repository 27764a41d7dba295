"""Which tiles of an image Winograd's kernels do at a time, what memory they take, what they cost.

`side` is that of a tile of the output: 2 in F(2x2, 3x3), 4 in F(4x4, 3x3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.ops.window import Window

SMALL: Final = 2
LARGE: Final = 4

_LAYER_BYTES = 54_500
"""Input, output and working memory of a layer, about."""

_WORKING_BYTES = 32 * 1024
"""Working memory alone, about: larger strips transform and load weights less often."""

_KEPT_BYTES = 8 * 1024
"""Transformed weights of a whole layer for which strips make room."""

_COSTS: Final = {SMALL: (110, 75, 60), LARGE: (560, 390, 135)}
"""Instructions by the side of a tile: for a tile's outputs of two channels, for its inputs of two
channels, for two inputs' weights of one output."""


@dataclass(frozen=True)
class Strip:
    """Tiles that are done at a time: some rows of tiles, or some columns of one row.

    `is_last`: its columns are the last of the image.
    """

    rows: int
    columns: int
    side: int
    is_last: bool = False

    @property
    def quads(self) -> int:
        """Fours of tiles: small tiles of one row each, large ones of several, too."""
        if self.side == SMALL:
            return self.rows * -(-self.columns // 4)
        return -(-self.rows * self.columns // 4)


@dataclass(frozen=True)
class Memory:
    """Working memory: rows of the input, weights of a pair of output channels, a quad of tiles.

    The first `kept_pairs` of `pairs` pairs of output channels keep their transformed weights from
    strip to strip; the others share the place of one.

    Units: bytes.
    """

    side: int
    rows: int
    per_pair: int
    per_quad: int
    pairs: int
    kept_pairs: int
    stores_transformed: bool

    @classmethod
    def of(cls, plain: Conv2D, side: int, stores_transformed: bool) -> Memory:
        """Return what a layer takes with tiles of a certain side."""
        outputs, _, _, inputs = plain.linear.weights.shape
        values = values_of(side)
        rows = (side + 2) * row_pixels(plain.window, side) * inputs
        per_pair = 0 if stores_transformed else 4 * values * inputs
        keeps_all = outputs // 2 * per_pair <= _KEPT_BYTES and not stores_transformed
        kept = outputs // 2 if keeps_all else 0
        per_quad = 8 * values * (4 + inputs)
        return cls(side, rows, per_pair, per_quad, outputs // 2, kept, stores_transformed)

    @property
    def fixed(self) -> int:
        """What does not depend on the strip."""
        return self.rows + min(self.kept_pairs + 1, self.pairs) * self.per_pair

    def filled(self, spare: int) -> Memory:
        """Return the memory with as many more pairs kept as `spare` bytes hold."""
        if self.stores_transformed or spare < 0:
            return self
        return replace(self, kept_pairs=min(self.kept_pairs + spare // self.per_pair, self.pairs))

    def builds(self, strips: int) -> int:
        """Return how often the weights of a pair of output channels are transformed."""
        if self.stores_transformed:
            return 0
        return self.kept_pairs + strips * (self.pairs - self.kept_pairs)


def choose_strip(
    plain: Conv2D, memory: Memory, working_bytes: int | None = None
) -> tuple[Memory, Strip]:
    """Return the smallest of the strips that divide the image into as few as fit the memory.

    Memory that is left keeps transformed weights, if there are several strips.

    Args:
        plain: The layer.
        memory: What it takes.
        working_bytes: What it may take, if one strip of four tiles fits; None: not more than keeps
            the whole layer small.
    """
    window, weights = plain.window, plain.linear.weights
    if working_bytes is None:
        images = window.height.input * window.width.input * int(weights.shape[3])
        images += window.output_pixels * int(weights.shape[0])
        working_bytes = min(_LAYER_BYTES - images, _WORKING_BYTES)
    quads = max(1, (working_bytes - memory.fixed) // memory.per_quad)
    tiles = tiles_of(window, memory.side)
    strip = _largest_strip(*tiles, quads, memory.side)
    spare = working_bytes - memory.fixed - strip.quads * memory.per_quad
    is_whole = (strip.rows, strip.columns) == tiles
    return (memory if is_whole else memory.filled(spare)), strip


def _largest_strip(rows: int, columns: int, quads: int, side: int) -> Strip:
    row_quads = -(-columns // 4)
    if quads < row_quads:
        count = -(-row_quads // quads)
        return Strip(1, 4 * -(-row_quads // count), side)
    most = quads // row_quads if side == SMALL else 4 * quads // columns
    count = -(-rows // min(most, rows))
    return Strip(-(-rows // count), columns, side)


def strips_of(window: Window, strip: Strip) -> list[Strip]:
    """Return all strips of an image, those at its end smaller; the last of a row is marked."""
    rows, columns = tiles_of(window, strip.side)
    return [
        Strip(
            min(strip.rows, rows - row),
            min(strip.columns, columns - column),
            strip.side,
            column + strip.columns >= columns,
        )
        for row in range(0, rows, strip.rows)
        for column in range(0, columns, strip.columns)
    ]


def values_of(side: int) -> int:
    """Return how many products a tile takes for each input and output channel."""
    return (side + 2) ** 2


def tiles_of(window: Window, side: int) -> tuple[int, int]:
    """Return the rows and the columns of tiles."""
    return -(-window.height.output // side), -(-window.width.output // side)


def row_pixels(window: Window, side: int) -> int:
    """Return the columns of the input under a row of tiles, small ones in whole quads."""
    unit = 4 * SMALL if side == SMALL else side
    return unit * -(-window.width.output // unit) + 2


def instructions(plain: Conv2D, strip: Strip, memory: Memory, chunks: int) -> float:
    """Estimate the instructions of a layer on a Cortex-M4: 1 to 10 % below those measured."""
    rows, columns = tiles_of(plain.window, strip.side)
    strips = -(-rows // strip.rows) * -(-columns // strip.columns)
    tiles, quads = rows * columns, strips * strip.quads
    channels, pairs = plain.linear.outputs, int(plain.linear.weights.shape[3]) // 2
    products = values_of(strip.side) * (quads * (10.4 * pairs + 9 * chunks) + strips * 10)
    of_outputs, of_inputs, of_weights = _COSTS[strip.side]
    return (
        channels / 2 * (products + of_outputs * tiles + 100 * strips)
        + of_inputs * tiles * pairs
        + of_weights * 2 * memory.builds(strips) * pairs
    )


def direct_instructions(plain: Conv2D) -> float:
    """Estimate the same for `convolution`."""
    outputs, depth = len(plain.linear.weights), int(plain.linear.weights[0].size)
    quads = -(-plain.window.output_pixels // 4)
    return quads * (-(-outputs // 2) * (5.5 * depth + 55) + 12 * depth + 700)
