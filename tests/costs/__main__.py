"""Measures the costs of kernels and writes mcu_slm/costs/cortex_m4.toml.

Run: python -m tests.costs [KERNEL ...]    only these kernels; the others keep their numbers
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Set
from pathlib import Path

from mcu_slm import dsp
from mcu_slm.costs import TABLE_FILE, KernelCosts, load_table
from mcu_slm.files import write_atomic
from mcu_slm.toolchain import find_arm_compiler
from tests.costs.fitting import fit
from tests.costs.layers import DSP, PORTABLE, SEVERAL_WAYS, rows
from tests.costs.measuring import COMPILER, CORE, OPTIMIZATION, Sample, forced, kernels_of, measure
from tests.costs.unmeasured import UNMEASURED

OTHER_WAYS = (1, 2, 3)
IN_PAIRS = -1
"""The first way, without kernels for blocks of channels."""


def main() -> None:
    """Measure, fit, write, and print how well it fits."""
    parser = argparse.ArgumentParser(prog="python -m tests.costs", description=__doc__)
    parser.add_argument("kernels", nargs="*", help="only these")
    wanted = set(parser.parse_args().kernels)
    known = dict(load_table().kernels) if wanted else {}
    samples = collect(wanted)
    for kernel in sorted(samples):
        known[kernel] = fit(samples[kernel])
        print(f"{kernel}: {len(samples[kernel])} layers, {known[kernel].largest_error_percent} %")
    write_atomic(TABLE_FILE, table_text(known))


def collect(wanted: Set[str] = frozenset()) -> dict[str, list[Sample]]:
    """Return measured layers by kernel: every way to do them, and every tuning.

    Only those of the `wanted` kernels, if there are any.
    """
    found: defaultdict[str, list[Sample]] = defaultdict(list)
    runs = [("portable", "speed", PORTABLE, 0)]
    runs += [("dsp", optimize, DSP, 0) for optimize in dsp.TUNINGS]
    runs += [("dsp", "speed", SEVERAL_WAYS, way) for way in OTHER_WAYS]
    runs += [("dsp", "speed", (rows,), IN_PAIRS)]
    for family, optimize, makers, way in runs:
        for make in makers:
            in_pairs = way == IN_PAIRS
            way_taken = forced(0 if in_pairs else way, in_pairs=in_pairs)
            with tempfile.TemporaryDirectory() as folder, way_taken:
                graphs = [case.graph for case in make()]
                if wanted:
                    graphs = [x for x in graphs if kernels_of(x, family, optimize) & wanted]
                samples = measure(graphs, family, optimize, Path(folder))
            for sample in samples:
                is_asked_for = not wanted or sample.kernel in wanted
                if is_asked_for and (family == "portable" or sample.kernel.startswith("dsp_")):
                    found[sample.kernel].append(sample)
    return dict(found)


def table_text(kernels: dict[str, KernelCosts]) -> str:
    """Return the file: kernels in order, a line per feature."""
    lines = [
        "# Measured by `make costs`: what a round of each loop costs, as [instructions, cycles].",
        "# Cycles are estimated without flash wait states. Do not edit: measure again.",
        f'compiler = "{find_arm_compiler(COMPILER).version}"',
        f'core = "{CORE}"',
        f'optimization = "{OPTIMIZATION}"',
        "unmeasured = [",
        *(f'  "{name}",' for name in sorted(UNMEASURED)),
        "]",
    ]
    for name in sorted(kernels):
        kernel = kernels[name]
        lines += ["", f"[kernels.{name}]", f"layers = {kernel.layers}"]
        lines += [f"largest_error_percent = {kernel.largest_error_percent}"]
        lines += [f"code_bytes = {kernel.code_bytes}", ""]
        lines += [f"[kernels.{name}.features]"]
        lines += [
            f"{feature} = [{cost.instructions}, {cost.cycles}]"
            for feature, cost in sorted(kernel.features.items())
        ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
