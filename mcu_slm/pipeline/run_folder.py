"""A run folder: where each stage of one run keeps its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mcu_slm.pipeline.evidence import Evidence

RUNS = Path("runs")
TOOL_FOLDER = "mcu_slm"


class Reporter(Protocol):
    """Who is told how far a run is; the command line draws it."""

    def start(self, stage: str, what: str) -> None:
        """A stage begins."""

    def step(self, text: str, done: float, total: float) -> None:
        """A stage is `done` of `total` through."""

    def finish(self, stage: str, result: str, *, skipped: bool = False) -> None:
        """A stage has ended; `skipped` when nothing had changed."""

    def warn(self, text: str) -> None:
        """Something deserves attention but is no error."""


class Silence:
    """A reporter that says nothing."""

    def start(self, stage: str, what: str) -> None:
        """Say nothing."""

    def step(self, text: str, done: float, total: float) -> None:
        """Say nothing."""

    def finish(self, stage: str, result: str, *, skipped: bool = False) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class RunFolder:
    """One run: its folder, its evidence, and who is told about progress.

    `force` runs every stage again.
    """

    folder: Path
    reporter: Reporter
    force: bool = False

    @property
    def evidence(self) -> Evidence:
        """The record on disk, read afresh."""
        return Evidence(self.folder)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.folder.name

    @property
    def training(self) -> Path:
        """Checkpoints and the trained student."""
        return self.folder / "train"

    @property
    def model(self) -> Path:
        """The flatbuffer."""
        return self.folder / "convert" / "model.tflite"

    @property
    def windows(self) -> Path:
        """Quantised test windows, their labels, and the student's own logits."""
        return self.folder / "convert" / "windows.npz"

    @property
    def firmware(self) -> Path:
        """The firmware project."""
        return self.folder / "firmware"

    @property
    def code(self) -> Path:
        """The generated C of the model, inside the firmware project: the only copy."""
        return self.firmware / TOOL_FOLDER

    @property
    def host_build(self) -> Path:
        """Objects of the generated C for this machine."""
        return self.folder / "host"

    @property
    def report(self) -> Path:
        """The summary for people."""
        return self.folder / "report.md"

    def leg_progress(self) -> Callable[[str, int, int], None]:
        """Return the progress callback for the proof."""
        return lambda leg, done, total: self.reporter.step(f"leg {leg}", done, total)
