"""What a user may choose about the generated code."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from mcu_slm import dsp
from mcu_slm.errors import UsageError
from mcu_slm.passes import check_names

KERNEL_FAMILIES: Final = ("portable", "dsp")
AUTO: Final = "auto"
OPTIMIZE: Final = tuple(dsp.TUNINGS)


@dataclass(frozen=True)
class Choices:
    """Kernel family, what the code is optimised for, and the passes to leave out.

    `kernels` is a family or `auto`: dsp where the core has the instructions, else portable.
    `flash_bytes` and `ram_bytes` are a project's limits below those of the board, if it has any.
    """

    kernels: str = AUTO
    optimize: str = OPTIMIZE[0]
    without: tuple[str, ...] = ()
    flash_bytes: int | None = None
    ram_bytes: int | None = None

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            UsageError: One is unknown.
        """
        families = (AUTO, *KERNEL_FAMILIES)
        if self.kernels not in families:
            raise UsageError("--kernels", f"{self.kernels!r}", f"one of {', '.join(families)}")
        if self.optimize not in OPTIMIZE:
            raise UsageError("--optimize", f"{self.optimize!r}", f"one of {', '.join(OPTIMIZE)}")
        check_names(self.without)

    def family(self, core: str | None) -> str:
        """Return the kernel family for a core, None being any core.

        Raises:
            UsageError: The core lacks the instructions of the wanted family.
        """
        if self.kernels == AUTO:
            return "dsp" if core in dsp.CORES else "portable"
        if self.kernels == "dsp" and core is not None and core not in dsp.CORES:
            raise UsageError(
                "--kernels",
                f"dsp on {core}",
                f"a core of {', '.join(dsp.CORES)}",
                "Leave --kernels out to take what the core can do.",
            )
        return self.kernels

    def to_json(self) -> dict[str, Any]:
        """Return the fields for a record."""
        given = asdict(self) | {"without": list(self.without)}
        return {name: value for name, value in given.items() if value not in (None, [])}


def recorded_choices(fields: Any) -> Choices:
    """Return what a record says, the defaults where it says nothing sound."""
    try:
        without = tuple(str(name) for name in fields.get("without", ()))
        limits = [fields.get(name) for name in ("flash_bytes", "ram_bytes")]
        sound = (limit if type(limit) is int else None for limit in limits)
        return Choices(str(fields["kernels"]), str(fields["optimize"]), without, *sound)
    except (AttributeError, KeyError, TypeError, UsageError):
        return Choices()
