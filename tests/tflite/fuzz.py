"""The fuzz driver of the checker: `make fuzz MUTANTS=N SEED=S`, or a short run by pytest.

Every mutant goes through the reader and the operators' checks; every accepted one then runs in the
judge, in a child process. A run can be interrupted and continued: its counts are in a file. It
fails where something other than our errors is raised, where a check takes too much processor time
or memory, and where the judge crashes on what the checker accepted or computes other bytes than
NumPy.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mcu_slm import judge, ops, tflite
from mcu_slm.errors import McuSlmError
from mcu_slm.files import sha256_bytes, write_atomic, write_json
from tests.tflite.judged import judge_all
from tests.tflite.mutants import Base, bases, mutant

BATCH = 1_000
SLOWEST_S = 2.0
PEAK_BYTES = 512 << 20


@dataclass
class Tally:
    """What a run found so far. `failures` holds mutant numbers with what went wrong."""

    seed: int
    bases_sha256: str
    done: int = 0
    accepted: int = 0
    judged: int = 0
    refused_by_judge: Counter[str] = field(default_factory=Counter)
    first_refused: dict[str, int] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    slowest_s: float = 0.0
    slowest_mutant: int = -1
    added_peak_bytes: int = 0

    def report(self) -> str:
        """Return the counts as text."""
        lines = [f"{self.done:,} mutants of seed {self.seed}: {self.accepted:,} accepted"]
        lines += [f"{count:9,} rejected: {rule}" for rule, count in self.rejected.most_common()]
        lines.append(f"{self.judged:9,} accepted ones went through the judge")
        refused = self.refused_by_judge.most_common()
        lines += [
            f"{count:9,} of these refused: {why} (first: mutant {self.first_refused[why]})"
            for why, count in refused
        ]
        lines.append(f"slowest check {self.slowest_s:.3f} s (mutant {self.slowest_mutant})")
        lines.append(f"peak memory {self.added_peak_bytes / 2**20:.0f} MiB above the start's")
        lines.append(f"{len(self.failures)} failures")
        lines += [f"  mutant {number}: {what}" for number, what in self.failures.items()]
        return "\n".join(lines)


def examine(raw: bytes) -> str:
    """Return an empty string for an accepted file, otherwise the rule that refused it."""
    try:
        ops.parse_graph(ops.fold_graph(tflite.read_model(raw)))
    except McuSlmError as error:
        return str(error.values.get("rule", "operator"))
    return ""


def fuzz(tally: Tally, pool: list[Base], count: int, *, with_judge: bool) -> None:
    """Examine the next `count` mutants and add what was found to `tally`."""
    accepted: dict[int, bytes] = {}
    before = _peak_bytes()
    for index in range(tally.done, tally.done + count):
        raw = mutant(pool, tally.seed, index)
        start = time.process_time()
        try:
            rule = examine(raw)
        except Exception:
            tally.failures[str(index)] = traceback.format_exc().splitlines()[-1]
            continue
        seconds = time.process_time() - start
        if seconds > tally.slowest_s:
            tally.slowest_s, tally.slowest_mutant = seconds, index
        if seconds > SLOWEST_S:
            tally.failures[str(index)] = f"checked in {seconds:.1f} s"
        if rule:
            tally.rejected[rule] += 1
        else:
            accepted[index] = raw
    tally.added_peak_bytes = max(tally.added_peak_bytes, _peak_bytes() - before)
    if tally.added_peak_bytes > PEAK_BYTES:
        tally.failures["memory"] = f"{tally.added_peak_bytes:,} bytes more than before"
    tally.accepted += len(accepted)
    if with_judge:
        _judge(tally, accepted)
    tally.done += count


def _peak_bytes() -> int:
    """Return the most memory that this process ever held, whatever else ran in it before."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _judge(tally: Tally, accepted: dict[int, bytes]) -> None:
    verdicts = judge_all(list(accepted.values()))
    for index, verdict in zip(accepted, verdicts, strict=True):
        tally.judged += 1
        if verdict.startswith(("crashed", "differs")):
            tally.failures[str(index)] = f"the judge {verdict}"
        elif verdict.startswith("refused"):
            why = verdict.removeprefix("refused: ")[:100]
            tally.refused_by_judge[why] += 1
            tally.first_refused.setdefault(why, index)


def start_or_continue(path: Path, seed: int, pool: list[Base]) -> Tally:
    """Return the tally of an interrupted run of this seed and these bases, or a new one."""
    sha256 = sha256_bytes(b"".join(base.raw for base in pool))
    if path.is_file():
        fields = json.loads(path.read_text(encoding="utf-8"))
        if (fields.get("seed"), fields.get("bases_sha256")) == (seed, sha256):
            counters = {key: Counter(fields.pop(key)) for key in ("refused_by_judge", "rejected")}
            return Tally(**fields, **counters)
    return Tally(seed, sha256)


def main() -> int:
    """Run from the command line; return 1 where something failed."""
    parser = argparse.ArgumentParser(description="Fuzz the checker of .tflite files.")
    parser.add_argument("--mutants", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"))
    arguments = parser.parse_args()
    state = arguments.folder / f"seed-{arguments.seed}.json"
    pool = bases()
    tally = start_or_continue(state, arguments.seed, pool)
    with_judge = judge.available("tflm")
    print(f"{len(pool)} base models; {tally.done:,} of {arguments.mutants:,} mutants done already")
    if not with_judge:
        print("not run: the judge (tflite-micro is not installed)")
    while tally.done < arguments.mutants:
        known = set(tally.failures)
        fuzz(tally, pool, min(BATCH, arguments.mutants - tally.done), with_judge=with_judge)
        for number in set(tally.failures) - known - {"memory"}:
            raw = mutant(pool, tally.seed, int(number))
            write_atomic(arguments.folder / f"seed-{tally.seed}-{number}.tflite", raw)
        write_json(state, vars(tally))
        print(
            f"{tally.done:,} mutants, {tally.accepted:,} accepted, {tally.judged:,} judged, "
            f"{len(tally.failures)} failures, slowest {tally.slowest_s:.2f} s",
            flush=True,
        )
    print(tally.report())
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
