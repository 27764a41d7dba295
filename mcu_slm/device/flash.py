"""Put a firmware into a board's flash, through a debug probe or through ST's boot loader."""

from __future__ import annotations

import time
from pathlib import Path

from mcu_slm.boards import Board
from mcu_slm.device import ports, swd, uart_boot
from mcu_slm.device.image import FlashImage, read_image, touched_sectors
from mcu_slm.device.report import FlashReport, Method, Progress, Step
from mcu_slm.errors import UsageError


def flash(
    elf: Path,
    board: Board,
    *,
    method: Method = "swd",
    port: str | None = None,
    probe: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> FlashReport:
    """Erase what the firmware needs, write it, read every byte back, and start it.

    Args:
        elf: The firmware.
        board: The board that it was built for; its chip is checked where the way allows it.
        method: `swd`, a debug probe through pyOCD, or `uart`, the boot loader in the chip's ROM.
        port: The serial port of `uart`; the only likely one where absent.
        probe: A part of the probe's id; the only probe where absent.
        dry_run: Touch no device; say what would be erased, written and read back.
        progress: Called with the step and the fraction of it that is done.

    Raises:
        UsageError: The ELF file or the combination of arguments.
        BudgetError: The firmware does not fit this chip's flash.
        ToolError: No probe, port, pyOCD or pack.
        DeviceError: The device refused, kept silent, or reads back otherwise.
    """
    _ensure_arguments_fit(method, port, probe)
    image = read_image(elf, board.chip)
    report = progress or _no_progress
    started = time.monotonic()
    if dry_run:
        device = port or probe or ""
    elif method == "swd":
        device = _flash_swd(image, board, probe, report)
    else:
        device = _flash_uart(image, board, port, report)
    return FlashReport(
        method=method,
        board=board.name,
        device=device,
        image=image,
        sectors=touched_sectors(image, board.chip),
        dry_run=dry_run,
        seconds=time.monotonic() - started,
    )


def _flash_swd(image: FlashImage, board: Board, probe: str | None, progress: Progress) -> str:
    chosen = swd.choose_probe(probe)
    swd.program(chosen, image, board.chip, progress)
    return str(chosen.unique_id)


def _flash_uart(image: FlashImage, board: Board, port: str | None, progress: Progress) -> str:
    url = ports.choose_port(port)
    line = ports.open_port(url, uart_boot.BAUD, parity="even")
    try:
        uart_boot.program(uart_boot.UartBootLoader(line), image, board.chip, progress)
    finally:
        line.close()
    return url


def _ensure_arguments_fit(method: str, port: str | None, probe: str | None) -> None:
    if method not in ("swd", "uart"):
        raise UsageError("method", f"it is {method!r}", "swd or uart", "Choose one of them.")
    if method == "swd" and port is not None:
        raise UsageError("port", "it means nothing to method swd", remedy="Use method uart.")
    if method == "uart" and probe is not None:
        raise UsageError("probe", "it means nothing to method uart", remedy="Use method swd.")


def _no_progress(step: Step, fraction: float) -> None:
    """Tell nobody."""
