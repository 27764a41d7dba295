"""What mcu_slm/windows.c must do, said a second time: lists of samples instead of a ring."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class WindowsModel:
    """Samples of one run without a gap, from which windows are cut."""

    window: int
    hop: int
    run: list[tuple[int, ...]] = field(default_factory=list)  # samples since the last gap
    start: int = 0  # where the next window begins in `run`
    has_gap_behind: bool = False
    counters: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, by: int = 1) -> None:
        self.counters[name] = self.counters.get(name, 0) + by

    @property
    def ready(self) -> bool:
        return len(self.run) >= self.start + self.window

    def push(self, sample: tuple[int, ...]) -> bool:
        if self.ready:
            return False
        self.count("samples")
        self.run.append(sample)
        return True

    def lost(self, count: int) -> None:
        self.count("lost", count)
        if self.ready:
            self.has_gap_behind = True
        else:
            self.run, self.start = [], 0

    def take(self) -> list[tuple[int, ...]] | None:
        if not self.ready:
            return None
        window = self.run[self.start : self.start + self.window]
        self.count("windows")
        self._go_on()
        return window

    def skip(self) -> None:
        if self.ready:
            self.count("passed")
            self._go_on()

    def _go_on(self) -> None:
        self.start += self.hop
        if self.has_gap_behind:
            self.run, self.start, self.has_gap_behind = [], 0, False
