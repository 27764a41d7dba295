"""Child processes that work through many items; a crash costs the one item it came from.

The child is `python -m MODULE FOLDER FIRST`: it prints one line `verdict ...` after each item.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS_PER_ITEM = 20

_MEMORY_BYTES = 4 << 30
_BATCH_SECONDS = 580.0


def verdicts_of(module: str, folder: Path, count: int) -> list[str]:
    """Return what the children said about each of `count` items, `crashed: ...` where one died."""
    verdicts: list[str] = []
    while len(verdicts) < count:
        verdicts += _run_child(module, folder, len(verdicts), count)
    return verdicts


def _run_child(module: str, folder: Path, first: int, count: int) -> list[str]:
    """Return the verdicts of one child: up to the end, or up to the item that it died of."""
    done = subprocess.run(
        [sys.executable, "-m", module, str(folder), str(first)],
        cwd=ROOT,
        # Every arena comes fresh from the system, that is zeroed, as in a process of its own: one
        # of the judge's kernels (SPACE_TO_BATCH_ND) reads memory that it never wrote.
        env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_MMAP_THRESHOLD_": "65536"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
        check=False,
        timeout=_BATCH_SECONDS,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("verdict ")]
    verdicts = [line.removeprefix("verdict ") for line in lines]
    if first + len(verdicts) < count:
        how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
        verdicts.append(f"crashed: {how}")
    return verdicts


def answer(verdict: Callable[[int], str], first: int, count: int) -> None:
    """Run in the child: say a verdict per item, within limits of memory and time."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in range(first, count):
        signal.alarm(SECONDS_PER_ITEM)  # nobody handles it: the process ends there
        print(f"verdict {verdict(number)}", flush=True)
