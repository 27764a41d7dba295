"""Flash through a debug probe: pyOCD as a library, with its flash algorithms and our own read-back.

pyOCD knows ST-LINK, CMSIS-DAP and J-Link. It has few STM32s built in; the others come as packs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcu_slm.boards import Chip
from mcu_slm.device.image import FlashImage, Segment, ensure_same
from mcu_slm.device.report import Progress, Step
from mcu_slm.errors import DeviceError, McuSlmError, ToolError, UsageError, missing_extra
from mcu_slm.protocol import printable

_READ_BLOCK_BYTES = 1024
_DEVICE_ID_MASK = 0xFFF  # of DBGMCU_IDCODE; also the boot loader's id
_OTHER_WAY = "Or flash over the serial line with ST's boot loader: method uart."


@dataclass(frozen=True)
class ProbeInfo:
    """One debug probe that is connected."""

    unique_id: str
    description: str


def list_probes() -> tuple[ProbeInfo, ...]:
    """Return the probes that are connected.

    Raises:
        ToolError: pyOCD is not installed, or the operating system refused to list USB devices.
    """
    return tuple(
        ProbeInfo(printable(p.unique_id), printable(p.description)) for p in _connected_probes()
    )


def choose_probe(unique_id: str | None) -> Any:
    """Return the only probe, or the one whose id contains `unique_id`.

    Raises:
        ToolError: No probe is connected, or none with this id.
        UsageError: Several match.
    """
    probes = _connected_probes()
    matching = [p for p in probes if (unique_id or "").lower() in p.unique_id.lower()]
    if len(matching) == 1:
        return matching[0]
    found = ", ".join(f"{printable(p.unique_id)} ({printable(p.description)})" for p in probes)
    if not probes:
        raise ToolError(
            "debug probe",
            "none is connected",
            remedy="Connect the board's ST-LINK with a USB cable that carries data; on Linux "
            "install pyOCD's udev rules, on Windows ST's driver. " + _OTHER_WAY,
        )
    if not matching:
        raise ToolError(
            "debug probe", f"none has the id {unique_id!r}", f"one of {found}", "Name its id."
        )
    raise UsageError(
        "debug probe", f"{len(matching)} match: {found}", "one", "Name the id of the one to use."
    )


def program(probe: Any, image: FlashImage, chip: Chip, progress: Progress) -> None:
    """Write an image with pyOCD, read it back, reset the chip and let it run.

    Raises:
        ToolError: pyOCD lacks this chip.
        DeviceError: The probe or the chip failed, or bytes read back otherwise.
    """
    from pyocd.core import exceptions

    try:
        with _session(probe, chip) as session:
            _ensure_chip(session, chip)
            _write(session, image, progress)
            _verify(session, image, progress)
            session.target.reset()
    except McuSlmError:
        raise
    except exceptions.TargetSupportError as error:
        raise _no_target(chip, str(error)) from error
    except exceptions.Error as error:
        raise DeviceError(
            f"debug probe {printable(probe.unique_id)}",
            f"{type(error).__name__}: {printable(str(error))}",
            f"a {chip.name} that can be programmed",
            "Check the cable and the board's power, close other debuggers, and try again. If the "
            "firmware switched the debug pins off, hold reset while starting. " + _OTHER_WAY,
        ) from error


def ensure_target(chip: Chip) -> None:
    """Refuse a chip that pyOCD has neither built in nor in an installed pack.

    Raises:
        ToolError: It names the pack's command.
    """
    from pyocd.target import TARGET, normalise_target_type_name
    from pyocd.target.pack.pack_target import ManagedPacks

    name = normalise_target_type_name(chip.pyocd_target)
    if name in TARGET:
        return
    try:
        ManagedPacks.populate_target(name)
    # An absent, empty or damaged pack folder raises whatever its reader meets.
    except Exception as error:
        raise _no_target(chip, f"{type(error).__name__}: {error}") from error
    if name not in TARGET:
        raise _no_target(chip, "")


def _connected_probes() -> list[Any]:
    try:
        from pyocd.core.helpers import ConnectHelper
    except ImportError as error:
        raise missing_extra("pyocd", "flash", "flashing through a debug probe") from error
    try:
        return list(ConnectHelper.get_all_connected_probes(blocking=False))
    # USB back ends raise their own kinds when the system has no USB or forbids it.
    except Exception as error:
        raise ToolError(
            "debug probe",
            f"USB devices cannot be listed ({type(error).__name__}: {error})",
            remedy="Install libusb, and on Linux pyOCD's udev rules. " + _OTHER_WAY,
        ) from error


def _session(probe: Any, chip: Chip) -> Any:
    from pyocd.core.session import Session

    ensure_target(chip)
    return Session(
        probe,
        target_override=chip.pyocd_target,
        options={"hide_programming_progress": True},
    )


def _ensure_chip(session: Any, chip: Chip) -> None:
    """Refuse another chip before anything is erased: pyOCD believes what it is told."""
    found = session.target.read32(chip.family.idcode) & _DEVICE_ID_MASK
    if found != chip.bootloader_product_id:
        raise DeviceError(
            "debug probe, DBGMCU_IDCODE",
            f"the chip's device id is 0x{found:03x}",
            f"0x{chip.bootloader_product_id:03x} ({chip.name})",
            "Another chip is connected: choose its board, or connect the right one.",
            product_id=found,
        )


def _write(session: Any, image: FlashImage, progress: Progress) -> None:
    from pyocd.flash.loader import FlashLoader

    # Not FileProgrammer: that one leaves out, with a log line, what lies outside the flash.
    loader = FlashLoader(
        session,
        progress=_EraseThenWrite(progress),
        chip_erase="sector",
        # A sector that the image touches is erased as a whole, as through the boot loader.
        keep_unwritten=False,
    )
    for segment in image.segments:
        try:
            loader.add_data(segment.address, segment.data)
        except ValueError as error:
            raise DeviceError(
                f"pyOCD's memory map of {session.target.part_number}",
                str(error),
                f"flash at 0x{segment.address:08x} to 0x{segment.end - 1:08x}",
                "The board file names another chip than the firmware was built for.",
            ) from error
    loader.commit()


def _verify(session: Any, image: FlashImage, progress: Progress) -> None:
    done = 0
    for segment in image.segments:
        for start in range(0, len(segment.data), _READ_BLOCK_BYTES):
            wanted = segment.data[start : start + _READ_BLOCK_BYTES]
            address = segment.address + start
            found = bytes(session.target.read_memory_block8(address, len(wanted)))
            ensure_same(found, Segment(address, wanted))
            done += len(wanted)
            progress("verify", done / image.byte_count)


class _EraseThenWrite:
    """Names pyOCD's two passes: it counts from 0 to 1 for erasing, and again for programming."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._step: Step = "erase"
        self._last = 0.0

    def __call__(self, done: float) -> None:
        if done < self._last:
            self._step = "write"
        self._last = done
        self._progress(self._step, done)


def _no_target(chip: Chip, detail: str) -> ToolError:
    return ToolError(
        f"pyOCD's support for {chip.name}",
        f"it has no target {chip.pyocd_target}" + (f" ({printable(detail)})" if detail else ""),
        "a built-in target or an installed CMSIS pack",
        f"Install the pack once (needs the Internet): pyocd pack install {chip.name}. {_OTHER_WAY}",
        pack_command=f"pyocd pack install {chip.name}",
    )
