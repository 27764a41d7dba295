"""Cases of TEMPLATE, and broken layers of it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.ops.builders import unary
from tests.ops.case import Case
from tests.ops.changes import Change, output


def template_cases() -> Iterator[Case]:
    """Odd sizes, corners of scale and zero point, every option of the operator."""
    yield unary("TEMPLATE", "all bytes", (1, 300), (0.05, -7), (0.05, -7))
    yield unary("TEMPLATE", "lowest zero point", (2, 3, 5), (0.3, -128), (0.3, -128))
    yield unary("TEMPLATE", "one value", (1,), (1e-3, 127), (1e-3, 127))


SOUND = next(template_cases())

TEMPLATE_BROKEN: dict[tuple[str, str], tuple[Case, Change, str]] = {
    ("TEMPLATE", "shape"): (SOUND, output(shape=(300,)), r"output shape \(300,\)"),
}
