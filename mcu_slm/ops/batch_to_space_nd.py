"""BATCH_TO_SPACE_ND: puts tiles together to images and cuts their border off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.blocks import Blocks, parse_blocks


@dataclass(frozen=True, eq=False)
class BatchToSpace(Operator):
    """Tiles to images."""

    kernels = ("batch_to_space_nd_s8",)

    blocks: Blocks
    output_shape: tuple[int, ...]

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Bring the place in the block back beside the tile, and crop."""
        b = self.blocks
        tiles = inputs[0].reshape(
            -1, b.block_height, b.block_width, b.batches, b.tile_height, b.tile_width, b.channels
        )
        plane = tiles.transpose(0, 3, 4, 1, 5, 2, 6).reshape(
            -1, b.batches, b.tile_height * b.block_height, b.tile_width * b.block_width, b.channels
        )
        rows = slice(b.top, b.top + b.image_height)
        columns = slice(b.left, b.left + b.image_width)
        return [plane[:, :, rows, columns].reshape(-1, *self.output_shape)]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        return struct_call(
            "mcu_slm_batch_to_space_nd_t",
            "mcu_slm_batch_to_space_nd_s8",
            self.blocks.fields(),
            [arguments.inputs[0], arguments.outputs[0]],
        )

    def summary(self) -> str:
        """Return block and border."""
        return self.blocks.summary()


def parse(view: NodeView) -> BatchToSpace:
    """Check a BATCH_TO_SPACE_ND node."""
    return BatchToSpace(parse_blocks(view, view.output(), view.input(0)), view.output().shape)
