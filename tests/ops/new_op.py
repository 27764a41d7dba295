"""Copies the templates of an operator into place: `make new-op NAME=SOME_OPERATOR`."""

from __future__ import annotations

import sys
from pathlib import Path

from mcu_slm.errors import McuSlmError, UsageError
from mcu_slm.ops import OPERATORS
from mcu_slm.tflite.schema import OPERATORS as BUILT_IN

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "mcu_slm/ops/TEMPLATE.py": "mcu_slm/ops/{}.py",
    "mcu_slm/kernels/template/template_s8.c": "mcu_slm/kernels/{}_s8.c",
    "mcu_slm/kernels/template/template_s8.h": "mcu_slm/kernels/{}_s8.h",
    "tests/ops/template_cases.py": "tests/ops/cases_{}.py",
}
"""Template -> where the operator's own file goes."""

NEXT = """\
Next:
  1. mcu_slm/ops/__init__.py: import {0} and add "{1}": {0} to OPERATORS.
  2. mcu_slm/tflite/schema.py: its options table in OPTIONS and OPERATOR_OPTIONS, if it has one.
  3. tests/ops/cases.py: "{1}": {0}_cases; tests/ops/test_parse_errors.py: **{1}_BROKEN.
  4. tests/models.py: use it in unfolded_every_operator; README.md: add it to the
     list; then make operators
  5. make check && make test: the judge decides.
"""


def create(name: str, root: Path) -> list[Path]:
    """Write the files of an operator below `root`; return them.

    Raises:
        UsageError: No built-in operator, one that there is already, or a file in the way.
    """
    if name not in BUILT_IN:
        remedy = "Names are those of the format, e.g. SQUARED_DIFFERENCE."
        raise UsageError("NAME", f"{name!r}", "a built-in operator of TensorFlow Lite", remedy)
    paths = {root / target.format(name.lower()): source for source, target in FILES.items()}
    present = [path for path in paths if path.exists()]
    if name in OPERATORS or present:
        found = f"{name} is there already"
        raise UsageError("NAME", found, "an operator without a module", "Edit its files.")
    camel = "".join(word.capitalize() for word in name.split("_"))
    for path, source in paths.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        for word, own in (("TEMPLATE", name), ("Template", camel), ("template", name.lower())):
            text = text.replace(word, own)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(paths)


def main() -> None:
    """Create the operator named on the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: make new-op NAME=SOME_OPERATOR")
    name = sys.argv[1]
    try:
        for path in create(name, ROOT):
            print(f"wrote {path.relative_to(ROOT)}")
    except McuSlmError as error:
        sys.exit(f"error: {error}")
    print(NEXT.format(name.lower(), name))


if __name__ == "__main__":
    main()
