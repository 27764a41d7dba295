"""`python -m tests.bench`, or `make bench`: measures the shared models, writes docs/benchmarks.md.

Results are kept in run folders, so an interrupted run continues.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from mcu_slm.compile import Choices
from mcu_slm.files import write_atomic
from mcu_slm.toolchain import ArmCompiler, find_arm_compiler
from tests.bench.cores import OTHER_CORES, CoreResult, measure_core
from tests.bench.measuring import UNSPENT, VARIANTS, Result, measure
from tests.bench.page import SHORT, page

_ROOT = Path(__file__).resolve().parents[2]
_PAGE = _ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("build/bench"))
    parser.add_argument("--out", type=Path, default=_PAGE)
    arguments = parser.parse_args()
    shared = Path(os.environ.get("MCU_SLM_SHARED", _ROOT.parent / "shared"))
    found = {path.stem: path for path in (shared / "models").rglob("*.tflite")}
    models = [found[name] for name in SHORT if name in found]
    if not models:
        print("skipped: no shared data")
        return 0
    compiler = find_arm_compiler()
    results = []
    for model in models:
        for choices in VARIANTS:
            results.append(_measured(model, choices, arguments.runs, compiler))
            if results[-1].facts["spent_weight_bytes"]:
                results.append(_measured(model, UNSPENT, arguments.runs, compiler))
    cores = [
        _on_core(model, core, arguments.runs, compiler) for model in models for core in OTHER_CORES
    ]
    write_atomic(arguments.out, page(results, cores, compiler.version))
    print(f"written: {arguments.out}")
    return 0


def _measured(model: Path, choices: Choices, runs: Path, compiler: ArmCompiler) -> Result:
    """Measure one variant and say so."""
    result = measure(model, choices, runs, compiler)
    facts = result.facts
    print(
        f"{SHORT[model.stem]:12} {result.name:12} {facts['instructions']:12,} "
        f"instructions {facts['estimated_cycles']:12,} est. cycles "
        f"{facts['model_code_bytes']:8,} bytes of code {facts['arena_bytes']:8,} arena",
        flush=True,
    )
    return result


def _on_core(model: Path, core: str, runs: Path, compiler: ArmCompiler) -> CoreResult:
    """Measure a model on a core without a board and say so."""
    result = measure_core(model, core, runs / "cores", compiler)
    print(f"{SHORT[model.stem]:12} {core:13} {result.instructions:12,} instructions", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
