"""The DMA channel that stores a converter's results, by generation.

A channel that is not set up for half words, round and round, from the converter to memory that it
reaches, takes nothing. Memory that it does not reach gives a transfer error. Its settings cannot be
changed while it runs.

Source: ST RM0390 (streams), RM0091, RM0351 and RM0444 (channels, CSELR, DMAMUX), RM0456 (GPDMA).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mcu_slm.boards.sampling_chain import SamplingDma
from mcu_slm.simulator.block import Block

_BLOCK_BYTES: Final = 0x400
_MUX_BYTES: Final = 0x400
_VALUE_BYTES: Final = 2


@dataclass(frozen=True)
class Memory:
    """What DMA reaches: `write` says whether there is memory, `read` gives a word."""

    write: Callable[[int, bytes], bool]
    read: Callable[[int], int]


class _Multiplexer(Block):
    """DMAMUX, of which one channel is modelled, at `place`."""

    place = 0
    feature = "DMA of something else than the converter"

    def is_foreign(self, offset: int, value: int) -> bool:
        """Return whether a write asks for another channel, or for more than a request."""
        return value & (0 if offset != self.place else 0xFF) != value


class Controller(Block):
    """One channel of a controller; the others only keep what is written."""

    _en = 1
    _interrupts = 0
    _channel_bytes = 0
    feature = "DMA of something else than the converter"

    def __init__(
        self, facts: SamplingDma, memory: Memory, source: int, is_clocked: Callable[[], bool]
    ) -> None:
        self._facts = facts
        self.memory = memory
        self._source = source
        self._mux = _Multiplexer(facts.mux_base, _MUX_BYTES, is_clocked)
        self._mux.place = 4 * self._index
        super().__init__(facts.base, _BLOCK_BYTES, is_clocked)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks of registers, as devices."""
        return (self, self._mux) if self._facts.selector == "DMAMUX" else (self,)

    def reset(self) -> None:
        """Take all registers back to their reset values."""
        super().reset()
        self._done = 0

    def is_foreign(self, offset: int, value: int) -> bool:
        """Return whether a write asks for another channel, or for interrupts."""
        place = offset - self._registers
        if 0 <= place < self._channel_bytes:
            return place == self._control_place and value & self._interrupts != 0
        return value & ~self._shared(offset) != 0

    def _shared(self, offset: int) -> int:
        """Return the bits of a register that this channel shares with others."""
        return 15 << 4 * self._index if offset == 0xA8 else 0

    _control_place = 0x00

    @property
    def _registers(self) -> int:
        raise NotImplementedError

    def store(self, value: int) -> bool:
        """Store one value; return whether the channel takes more."""
        if not self._takes() or not self._is_asked():
            return False
        address = self._target() + _VALUE_BYTES * self._done
        if not self.memory.write(address, value.to_bytes(_VALUE_BYTES, "little")):
            self._fail()
            return False
        self._done += 1
        if 2 * self._done == self._count():
            self._tell(half=True)
        if self._done == self._count():
            self._done = 0
            self._tell(half=False)
            self._begin_anew()
        return True

    def _is_asked(self) -> bool:
        """Return whether the converter's requests go to this channel."""
        facts = self._facts
        if facts.selector == "DMAMUX":
            return self._mux.get(4 * self._index) & 0xFF == facts.request
        if facts.selector == "CSELR":
            return self.get(0xA8) >> 4 * self._index & 15 == facts.request
        return True

    @property
    def _index(self) -> int:
        return self._facts.channel

    def _takes(self) -> bool:
        raise NotImplementedError

    def _target(self) -> int:
        raise NotImplementedError

    def _count(self) -> int:
        raise NotImplementedError

    def _tell(self, half: bool) -> None:
        raise NotImplementedError

    def _fail(self) -> None:
        raise NotImplementedError

    def _begin_anew(self) -> None:
        """Prepare the next round."""


class _FlagController(Controller):
    """Streams and channels: status flags of several in one register, cleared in another."""

    _first, _step = 0, 0
    _on_mask, _on_value = 0, 0
    _flags_in_register = 4
    _clear_offset = 0x04
    _half, _whole, _error, _all = 0, 0, 0, 0

    def put(self, offset: int, value: int) -> None:
        """Take what is written to a register."""
        settings = range(self._registers, self._registers + self._step)
        is_on = self.get(self._registers) & self._en
        stops = offset == self._registers and not value & self._en
        if offset == self._clear:
            self.values[self._status] = self.get(self._status) & ~value
        elif offset != self._status and not (offset in settings and is_on and not stops):
            super().put(offset, value)
            if offset == self._registers and value & self._en:
                self._done = 0

    @property
    def _registers(self) -> int:
        return self._first + self._step * self._index

    def _shared(self, offset: int) -> int:
        return self._all << self._shift if offset == self._clear else super()._shared(offset)

    @property
    def _status(self) -> int:
        return 4 * (self._index // self._flags_in_register)

    @property
    def _clear(self) -> int:
        return self._clear_offset + self._status

    @property
    def _shift(self) -> int:
        return 4 * self._index

    def _takes(self) -> bool:
        on = self.get(self._registers) & self._on_mask == self._on_value
        return on and self.get(self._registers + 8) == self._source and self._count() > 0

    def _target(self) -> int:
        return self.get(self._registers + 12)

    def _count(self) -> int:
        return self.get(self._registers + 4)

    def _tell(self, half: bool) -> None:
        self._raise(self._half if half else self._whole)

    def _fail(self) -> None:
        self._raise(self._error)
        self.values[self._registers] &= ~self._en

    def _raise(self, flag: int) -> None:
        self.values[self._status] = self.get(self._status) | flag << self._shift


class StreamController(_FlagController):
    """STM32F4, F7 and H7. A stream does not start while its flags are up."""

    _first, _step = 0x10, 0x18
    _channel_bytes, _interrupts = 0x18, 0x1E
    _on_mask = (3 << 13) | (3 << 11) | (3 << 9) | (1 << 8) | (3 << 6) | 1
    _on_value = (1 << 13) | (1 << 11) | (1 << 10) | (1 << 8) | 1
    _clear_offset = 0x08
    _half, _whole, _error, _all = 1 << 4, 1 << 5, 1 << 3, 0x3D

    def put(self, offset: int, value: int) -> None:
        """Take what is written to a register."""
        flags = self.get(self._status) >> self._shift & self._all
        if offset == self._registers and flags and not self.get(offset) & self._en:
            value &= ~self._en
        super().put(offset, value)

    @property
    def _shift(self) -> int:
        return (0, 6, 16, 22)[self._index % 4]

    def _is_asked(self) -> bool:
        if self._facts.selector == "own":
            return self.get(self._registers) >> 25 & 7 == self._facts.request
        return super()._is_asked()


class ChannelController(_FlagController):
    """Channels, numbered from 1."""

    _first, _step = 0x08, 0x14
    _channel_bytes, _interrupts = 0x14, 0x0E
    _on_mask = (3 << 10) | (3 << 8) | (7 << 5) | (1 << 4) | 1
    _on_value = (1 << 10) | (1 << 8) | (1 << 7) | (1 << 5) | 1
    _flags_in_register = 8
    _half, _whole, _error, _all = 1 << 2, 1 << 1, 1 << 3, 15

    @property
    def _index(self) -> int:
        return self._facts.channel - 1


class LinkedController(Controller):
    """GPDMA: a block of bytes, behind which the channel loads registers from memory."""

    _lbar, _fcr, _sr, _cr = 0x00, 0x0C, 0x10, 0x14
    _tr1, _tr2, _br1, _sar, _dar, _llr = 0x40, 0x44, 0x48, 0x4C, 0x50, 0x7C
    _words = ((31, _tr1), (30, _tr2), (29, _br1), (28, _sar), (27, _dar), (16, _llr))
    _suspended = 1 << 13
    _channel_bytes, _interrupts, _control_place = 0x80, 0x7F00, 0x14
    _tr1_mask, _tr1_value = (3 | 1 << 3 | 3 << 16 | 1 << 19), (1 | 1 << 16 | 1 << 19)

    @property
    def _registers(self) -> int:
        return 0x50 + 0x80 * self._index

    def _field(self, offset: int) -> int:
        return self.get(self._registers + offset)

    def put(self, offset: int, value: int) -> None:
        """Take what is written to a register."""
        place = offset - self._registers
        is_on = bool(self._field(self._cr) & self._en)
        if place == self._fcr:
            self.values[self._registers + self._sr] = self._field(self._sr) & ~value
        elif place == self._cr:
            self._control(value, is_on)
        elif place != self._sr and not (is_on and 0 <= place < 0x80):
            super().put(offset, value)

    def _control(self, value: int, is_on: bool) -> None:
        state = self._en if is_on else 0
        if value & 4 and is_on:  # SUSP
            self._raise(self._suspended)
        if value & 2 and self._field(self._sr) & self._suspended:  # RESET
            state = 0
            self.values[self._registers + self._sr] = 0
        if value & self._en and not is_on:
            state, self._done, self._block = self._en, 0, self._field(self._br1) & 0xFFFF
        self.values[self._registers + self._cr] = state

    def _takes(self) -> bool:
        return (
            bool(self._field(self._cr) & self._en)
            and not self._field(self._sr) & self._suspended
            and self._field(self._tr1) & self._tr1_mask == self._tr1_value
            and self._field(self._sar) == self._source
            and self._count() > 0
        )

    def _is_asked(self) -> bool:
        # TCEM: flags tell of blocks; neither by software nor by the target.
        wanted = self._facts.request
        return self._field(self._tr2) & (3 << 30 | 1 << 10 | 1 << 9 | 0xFF) == wanted

    def _target(self) -> int:
        return self._field(self._dar)

    def _count(self) -> int:
        return self._block // _VALUE_BYTES

    def _tell(self, half: bool) -> None:
        self._raise(1 << 9 if half else 1 << 8)

    def _fail(self) -> None:
        self._raise(1 << 10)
        self.values[self._registers + self._cr] = 0

    def _raise(self, flag: int) -> None:
        self.values[self._registers + self._sr] = self._field(self._sr) | flag

    def _begin_anew(self) -> None:
        link = self._field(self._llr)
        if not link:
            self.values[self._registers + self._cr] = 0
            return
        address = self._field(self._lbar) & 0xFFFF_0000 | link & 0xFFFC
        for bit, place in self._words:
            if link >> bit & 1:
                self.values[self._registers + place] = self.memory.read(address)
                address += 4
            elif place == self._br1:
                self.values[self._registers + place] = 0  # counted down, and not loaded
        self._block = self._field(self._br1) & 0xFFFF


CONTROLLERS: Final[dict[str, type[Controller]]] = {
    "stream": StreamController,
    "channel": ChannelController,
    "linked": LinkedController,
}
