"""What a run has found so far; kept in a file, so that an interrupted run continues."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mcu_slm.files import sha256_bytes, sha256_tree, write_json
from tests.children import ROOT
from tests.prove.proving import Outcome

_COUNTERS = ("operators", "bytes_compared", "bytes_differing", "refused")
_SOURCES = ("mcu_slm", "tests/prove", "firmware_templates/model")


@dataclass
class Tally:
    """Counts of one seed; `sources_sha256` names the code that they are true of."""

    seed: int
    sources_sha256: str
    done: int = 0
    windows: int = 0
    multipliers: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    operators: Counter[str] = field(default_factory=Counter)
    bytes_compared: Counter[str] = field(default_factory=Counter)
    bytes_differing: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Count one graph."""
        self.done += 1
        self.windows += outcome.windows
        self.multipliers += outcome.multipliers
        self.operators += outcome.operators
        self.bytes_compared += outcome.bytes_compared
        self.bytes_differing += outcome.bytes_differing
        failure = outcome.failure
        if failure is not None:
            self.failures[str(outcome.number)] = failure.sentence()
            if failure.kind == "refused":
                self.refused[failure.leg] += 1

    def progress(self) -> str:
        """Return one line."""
        rate = self.done / self.seconds if self.seconds else 0.0
        cost = 1000.0 * self.cpu_seconds / max(self.done, 1)
        return (
            f"{self.done:,} graphs, {self.windows:,} windows, {len(self.failures)} failures, "
            f"{rate:.1f} graphs/s, {cost:.0f} ms of CPU per graph"
        )

    def report(self, names: set[str], cores: Sequence[str] = ()) -> str:
        """Return all counts as text; `names` and `cores` are all that there are."""
        lines = [f"seed {self.seed}: {self.progress()}"]
        lines.append(f"{self.multipliers:12,} multipliers and shifts equal to the exact ones")
        for leg, count in self.bytes_compared.items():
            lines.append(f"{count:12,} bytes of {leg} compared, {self.bytes_differing[leg]} differ")
        lines += [f"     not run {core}" for core in cores if core not in self.bytes_compared]
        for leg in ("checker", "judge"):
            lines.append(f"{self.refused[leg]:12,} graphs refused by the {leg}")
        covered = sorted(self.operators.items(), key=lambda item: (-item[1], item[0]))
        lines.append(f"{len(names & set(self.operators))} of {len(names)} operators covered:")
        lines += [f"{count:12,} {op}" for op, count in covered]
        lines += [f"       never {op}" for op in sorted(names - set(self.operators))]
        lines.append(f"{len(self.failures)} failures")
        lines += [f"  graph {number}: {what}" for number, what in self.failures.items()]
        return "\n".join(lines)

    def save(self, path: Path) -> None:
        write_json(path, vars(self))


def sources_sha256() -> str:
    """Return one hash of the code under test and of the generator."""
    patterns = ("*.py", "*.[ch]", "*.j2")
    hashes = [sha256_tree(ROOT / folder, p) for folder in _SOURCES for p in patterns]
    hashes.append(sha256_tree(ROOT / "tests", "*_layers.py"))  # makers use some of them
    return sha256_bytes("".join(hashes).encode())


def start_or_continue(path: Path, seed: int) -> Tally:
    """Return the tally of an interrupted run of this seed and this code, or a new one."""
    sha256 = sources_sha256()
    if path.is_file():
        fields = json.loads(path.read_text(encoding="utf-8"))
        if (fields.get("seed"), fields.get("sources_sha256")) == (seed, sha256):
            counters = {name: Counter(fields.pop(name)) for name in _COUNTERS}
            return Tally(**fields, **counters)
    return Tally(seed, sha256)
