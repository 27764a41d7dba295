"""`python -m tests.results NAME`: trains what a table of docs/results.md is made of, and prints it.

Rows are kept in the folder of `--runs`, so an interrupted run continues.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tests.results import ablation, pretraining
from tests.results.alarms import NAB
from tests.results.goals import CMAPSS, CWRU, UCI_HAR, UEA
from tests.results.runner import run_table

TABLES: dict[str, Any] = {
    "ablation": ablation,
    "pretraining": pretraining,
    "uci_har": UCI_HAR,
    "cmapss_fd001": CMAPSS,
    "cwru_bearings": CWRU,
    "uea_motion": UEA,
    "nab_machine_temperature": NAB,
}
"""Per name a module, or an object like one, with PROJECT, SEEDS, variants() and markdown(rows)."""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.results", description=__doc__)
    parser.add_argument("name", choices=TABLES)
    parser.add_argument("--runs", type=Path, default=Path("build/results"))
    parser.add_argument("--seeds", type=int, nargs="+", help="instead of the table's")
    arguments = parser.parse_args()
    table = TABLES[arguments.name]
    seeds = arguments.seeds or table.SEEDS
    rows = run_table(arguments.name, table.PROJECT, table.variants(), seeds, arguments.runs)
    print(table.markdown(rows))


if __name__ == "__main__":
    main()
