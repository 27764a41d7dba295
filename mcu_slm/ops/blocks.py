"""What SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND share: tiles of an image as batches.

Pixel (h * block_height + i, w * block_width + j) of image n is pixel (h, w) of the tile number
(i * block_width + j) * N + n. Rank 3 is [N, H, C]: images of width 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcu_slm.ir import Tensor
from mcu_slm.ops.base import NodeView


@dataclass(frozen=True)
class Blocks:
    """Sizes of image and tiles, and how far the image lies inside the tiled plane."""

    batches: int
    channels: int
    image_height: int
    image_width: int
    tile_height: int
    tile_width: int
    block_height: int
    block_width: int
    top: int
    left: int
    bottom: int
    right: int

    @property
    def tiles(self) -> int:
        """Number of batches of the tiled side."""
        return self.batches * self.block_height * self.block_width

    @property
    def bordered(self) -> bool:
        """Whether the tiles reach beyond the image."""
        return any((self.top, self.left, self.bottom, self.right))

    def fields(self) -> dict[str, object]:
        """Return the fields of the C parameter structs."""
        names = (
            "batches channels image_height image_width tile_height tile_width block_height "
            "block_width top left"
        )
        return {name: getattr(self, name) for name in names.split()}

    def summary(self) -> str:
        """Return block and border for a reader."""
        border = [self.top, self.bottom, self.left, self.right]
        return f"block {self.block_height}x{self.block_width}, border {border}"


def parse_blocks(view: NodeView, image: Tensor, tiled: Tensor) -> Blocks:
    """Check a node between `image` and `tiled`: a shape per spatial axis, and a border."""
    view.expect_count((3,))
    rank = len(image.shape)
    if rank not in (3, 4):
        view.unsupported(f"rank {rank}", "3 or 4")
    block: list[Any] = view.constant(view.input(1), "int32").reshape(-1).tolist()
    border: list[Any] = view.constant(view.input(2), "int32").reshape(-1).tolist()
    fits = len(block) == rank - 2 and len(border) == 2 * len(block)
    view.require(
        fits and min(block) >= 1 and min(border) >= 0,
        f"block {block}, border {border}",
        f"{rank - 2} sizes of 1 or more and two widths for each",
    )
    block, border = [*block, 1][:2], [*border, 0, 0][:4]
    size = (*image.shape[1:-1], 1)[:2]
    plane = [n + border[2 * i] + border[2 * i + 1] for i, n in enumerate(size)]
    view.require(
        all(n % b == 0 for n, b in zip(plane, block, strict=True)),
        f"a plane of {plane[0]}x{plane[1]} in blocks of {block[0]}x{block[1]}",
        "whole blocks",
    )
    tile = (plane[0] // block[0], plane[1] // block[1])
    expected = (image.shape[0] * block[0] * block[1], *tile[: rank - 2], image.shape[-1])
    if tiled.shape != expected:
        # Stored with a dynamic batch: the judge would leave part of the output unwritten.
        found = f"{tiled.name} has shape {tiled.shape}"
        view.fail(found, str(expected), "Export the model with a fixed batch size.")
    view.require_same_type(image, tiled)
    return Blocks(
        batches=image.shape[0],
        channels=image.shape[-1],
        image_height=size[0],
        image_width=size[1],
        tile_height=tile[0],
        tile_width=tile[1],
        block_height=block[0],
        block_width=block[1],
        top=border[0],
        left=border[2],
        bottom=border[1],
        right=border[3],
    )
