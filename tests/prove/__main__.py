"""`python -m tests.prove --graphs N --seed S`, or `make prove GRAPHS=N SEED=S`.

Random graphs through the judge, the NumPy reference and the generated C. A run can be interrupted
and continued: its counts are in a file. Exit code 1: something differs, is refused or fails.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from pathlib import Path

from mcu_slm import judge, ops
from mcu_slm.compile import KERNEL_FAMILIES
from tests.prove.batches import Setup, legs_of, run_all, run_batch, subject
from tests.prove.cores import CORES
from tests.prove.failing import write_case
from tests.prove.proving import Outcome
from tests.prove.smaller import shrink
from tests.prove.tally import Tally, start_or_continue

_MOST_SHRUNK = 20
_INTERRUPTED = 130
_MISSING = 3


def main() -> int:
    """Run from the command line."""
    arguments = _parser().parse_args()
    if not judge.available("tflm"):
        print("not run: the judge (tflite-micro is not installed)")
        return _MISSING
    if arguments.cores and importlib.util.find_spec("unicorn") is None:
        print("not run: simulated cores (unicorn is not installed)")
        return _MISSING
    setup = Setup(arguments.folder, arguments.sanitize, arguments.cores, arguments.kernels)
    if arguments.number is not None:
        (outcome,) = run_batch(setup, arguments.seed, [arguments.number]).outcomes
        return _one(setup, arguments.seed, outcome)
    state = arguments.folder / f"seed-{arguments.seed}{setup.label}.json"
    tally = start_or_continue(state, arguments.seed)
    print(f"{tally.done:,} of {arguments.graphs:,} graphs done already", flush=True)
    try:
        _prove(setup, tally, state, arguments.graphs, arguments.jobs)
    except KeyboardInterrupt:
        print(f"\ninterrupted after {tally.progress()}; the same command continues")
        return _INTERRUPTED
    print(tally.report(set(ops.OPERATORS), CORES))
    return 1 if tally.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--graphs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--number", type=int, help="this graph only")
    parser.add_argument("--sanitize", action="store_true", help="build with ASan and UBSan")
    parser.add_argument(
        "--cores", type=_cores, default=(), help=f"simulated cores as well: {','.join(CORES)}"
    )
    parser.add_argument(
        "--kernels",
        type=_families,
        default=KERNEL_FAMILIES,
        help=f"kernel families: {','.join(KERNEL_FAMILIES)}",
    )
    parser.add_argument("--folder", type=Path, default=Path("build/prove"))
    return parser


def _cores(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = set(names) - set(CORES)
    if unknown:
        raise argparse.ArgumentTypeError(f"{text}: expected some of {','.join(CORES)}")
    return names


def _families(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if set(names) - set(KERNEL_FAMILIES):
        raise argparse.ArgumentTypeError(f"{text}: expected some of {','.join(KERNEL_FAMILIES)}")
    return names


def _prove(setup: Setup, tally: Tally, state: Path, graphs: int, jobs: int) -> None:
    start = time.monotonic()
    for batch in run_all(setup, tally.seed, tally.done, graphs, jobs):
        for outcome in batch.outcomes:
            tally.add(outcome)
        tally.cpu_seconds += batch.cpu_seconds
        tally.seconds += time.monotonic() - start
        start = time.monotonic()
        tally.save(state)
        print(tally.progress(), flush=True)
        for outcome in batch.outcomes:
            if outcome.failure is not None and len(tally.failures) <= _MOST_SHRUNK:
                _report(setup, tally.seed, outcome)


def _one(setup: Setup, seed: int, outcome: Outcome) -> int:
    """Say how one graph went."""
    if outcome.failure is None:
        print(f"graph {outcome.number} of seed {seed}: all bytes are equal")
        return 0
    _report(setup, seed, outcome)
    return 1


def _report(setup: Setup, seed: int, outcome: Outcome) -> None:
    """Print a failure, make its graph smaller and keep that as a case."""
    assert outcome.failure is not None
    print(f"graph {outcome.number}: {outcome.failure.sentence()}", flush=True)
    if outcome.failure.leg == "generator":
        return
    made, failure = subject(seed, outcome.number), outcome.failure
    made, failure = shrink(made, legs_of(setup), failure)
    folder = setup.build_dir / "failing" / f"{seed}-{outcome.number}"
    flags = " --sanitize" if setup.sanitize else ""
    flags += f" --cores {','.join(setup.cores)}" if setup.cores else ""
    command = f"python -m tests.prove --seed {seed} --number {outcome.number}{flags}"
    print(f"  smallest in {write_case(folder, made, failure, command)}: {failure.sentence()}")


if __name__ == "__main__":
    sys.exit(main())
