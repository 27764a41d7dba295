"""How the outputs of a depthwise convolution are tiled, and which registers hold what.

A tile is some outputs along the pairs on each of some output lines; its sums stand in registers.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.depthwise_planes import Planes
from mcu_slm.dsp.depthwise_registers import NUMBERS
from mcu_slm.dsp.depthwise_taps import Taps

REGISTERS = 12
"""r0 to r11: first the sums, then weights, then what is spare. r12 and lr are pointers."""

SUMS = 4
LONGEST_PAIR_OFFSET = 1020
LONGEST_OFFSET = 4095

_BANK_FIRST = 11  # behind the numbers of a channel and the ends of loops
_BANK_LAST = 31
_SPARE = {"short": 2, "extra": 2, "signed": 4}
_LONGEST_STEP = 255
_FEWEST_INPUTS = 2
_WEIGHTS_AHEAD = 2


@dataclass(frozen=True)
class Tiles:
    """How the outputs of a layer are tiled. `form`, `shift`: as in `ShortRescaling`."""

    planes: Planes
    form: str
    shift: int
    is_clamped: bool

    @property
    def taps(self) -> Taps:
        """The taps along the pairs."""
        return Taps(self.planes.along.kernel, self.planes.along.stride)

    @property
    def words(self) -> list[tuple[int, int]]:
        """The words of weights: (tap across, first tap along)."""
        return [
            (line, word) for line in range(self.planes.across.kernel) for word in self.taps.words
        ]

    @property
    def is_resident(self) -> bool:
        """Whether all weights stay in core registers; else they wait in the floating-point ones."""
        outputs = SUMS if self.planes.across.output == 1 else SUMS // 2
        others = max(_SPARE[self.form], self.taps.live_pairs(outputs))
        return len(self.words) + SUMS + others <= REGISTERS

    @property
    def lines(self) -> int:
        """Output lines of a tile."""
        return 2 if self.is_resident and self.planes.across.output > 1 else 1

    @property
    def outputs(self) -> int:
        """Outputs of a tile along the pairs."""
        return SUMS // self.lines

    @property
    def bank(self) -> dict[tuple[int, int], int]:
        """The floating-point register of each word of weights, where they wait there."""
        return {} if self.is_resident else {w: _BANK_FIRST + n for n, w in enumerate(self.words)}

    @property
    def held(self) -> dict[str, str]:
        """The registers of numbers that stay there, because there are registers enough."""
        inputs = max(self.taps.live_pairs(self.outputs), _FEWEST_INPUTS)
        count = REGISTERS - self.first_spare - inputs
        names = [name for name in NUMBERS[self.form] if name != "bias"]
        if self.form == "extra":
            names.remove("third")
        kept = [*names, "end"][: max(count, 0)]
        return {name: f"r{REGISTERS - 1 - n}" for n, name in enumerate(kept)}

    @property
    def first_spare(self) -> int:
        """The first register behind sums and weights."""
        return SUMS + (len(self.words) if self.is_resident else _WEIGHTS_AHEAD)

    @property
    def end_register(self) -> str:
        """Where the end of the loop stands when it is compared."""
        return self.held.get("end", f"r{self.first_spare}")

    @property
    def loops(self) -> bool:
        """Whether the tile is repeated."""
        return self.whole_tiles > 1

    @property
    def whole_tiles(self) -> int:
        """Tiles along the pairs."""
        return self.planes.along.output // self.outputs

    @property
    def rest(self) -> int:
        """Outputs that remain behind the whole tiles."""
        return self.planes.along.output % self.outputs

    @property
    def advance(self) -> int:
        """Bytes of a line that a tile moves on."""
        return 2 * self.outputs * self.planes.along.stride

    def has_registers(self) -> bool:
        """Whether there are registers enough, and offsets are short enough."""
        if self.bank and max(self.bank.values()) > _BANK_LAST:
            return False
        if self.taps.live_pairs(self.outputs) > REGISTERS - self.first_spare:
            return False
        return 4 * self.planes.plane_words <= LONGEST_OFFSET and self.advance <= _LONGEST_STEP

    @property
    def steps_by_stores(self) -> bool:
        """Whether each store moves r12 on to the next output."""
        return self.planes.lines_at_once == 1 and self.planes.output_step <= _LONGEST_STEP
