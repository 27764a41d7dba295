"""The assembly around the lines of a channel: it turns to the next one and makes its numbers.

What changes from channel to channel lies on the stack: r0 weights, r1 word of the rescaling, r2
bias, r3 shift of the weights, r4 step of r1, r5 channels left, r12 output, lr plane. s9 is the
middle of the offsets, s10 the bytes of the lines where their number is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.depthwise_registers import BANK

STATE = "{r0-r5, r12, lr}"
_STATE_BYTES = 32


@dataclass(frozen=True)
class Channels:
    """How the numbers of a channel come about. `plane_bytes`: from one channel to the next."""

    form: str
    taps: int
    plane_bytes: int
    any_lines: bool

    def begin(self) -> list[str]:
        """Return what comes before the lines of a channel."""
        text = [
            "ldr.w r6, [r1]",
            "ldr.w r7, [r2], #4",
            "str.w r2, [sp, #8]",
            "add.w r1, r1, r4",
            "str.w r1, [sp, #4]",
            "eor.w r8, r3, #8",  # weights move on behind each second channel
            "str.w r8, [sp, #12]",
            f"movw r9, #{2 * self.taps}",
            "mul r9, r9, r8",
            "add.w r9, r0, r9, lsr #3",
            "str.w r9, [sp]",
            "sub.w r5, r5, #1",
            "str.w r5, [sp, #20]",
            "add.w r9, r12, #1",
            "str.w r9, [sp, #24]",
        ]
        if self.plane_bytes:
            text += [f"addw r9, lr, #{self.plane_bytes}", "str.w r9, [sp, #28]"]
        if self.any_lines:
            text += ["vmov r9, s10", "add.w r9, r9, lr", "vmov s7, r9"]
        return [*text, *self._numbers()]

    def _numbers(self) -> list[str]:
        text = ["cmp.w r6, #0", "bmi.w 4f", "and.w r8, r6, #7", "vmov r10, s9"]
        if self.form == "signed":
            text += ["mov.w r9, #128", "lsr.w r8, r9, r8", "add.w r9, r10, r8, lsr #1"]
        else:
            text += ["mov.w r9, #64", "lsr.w r9, r9, r8", "add.w r9, r9, r10"]
        if self.form == "extra":
            text.append("mov.w r8, #0")
        text += ["5:", f"vmov {BANK['bias']}, r7", f"vmov {BANK['multiplier']}, r6"]
        text.append(f"vmov {BANK['offset']}, r9")
        return text if self.form == "short" else [*text, f"vmov {BANK['third']}, r8"]

    def end(self) -> list[str]:
        """Return what comes behind the lines of a channel, with numbers that lie elsewhere."""
        return [
            f"ldm.w sp, {STATE}",
            "cmp.w r5, #0",
            "bne.w 3b",
            "b.w 6f",
            "4:",  # a channel without a word: its numbers stand behind it
            "sub.w r8, r1, r4",
            "sub.w r8, r8, r6, lsl #2",
            "ldr.w r6, [r8]",
            "ldr.w r9, [r8, #4]",
            "ldr.w r8, [r8, #8]",
            "b.w 5b",
            "6:",
            f"add.w sp, sp, #{_STATE_BYTES}",
        ]
