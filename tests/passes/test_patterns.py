"""Random patterns that passes rewrite, against the judge: here and on a simulated core."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm import ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.passes import Draft, Target, run_passes
from mcu_slm.verify.host import HostModel
from tests.dsp.legs import Legs, differences, legs_of
from tests.models import needs_judge
from tests.ops.case import Case
from tests.passes import graphs

COUNT = 60


def cases() -> list[Case]:
    """Attention of all sizes, padded windows, siblings, tables in a row, recurrent layers."""
    rng = np.random.default_rng(31)
    makers = (_heads, _padded, _siblings, _chain, _joined, _directions)
    return [Case(f"pattern {n}", makers[n % len(makers)](rng)) for n in range(COUNT)]


def _heads(rng: np.random.Generator) -> graphs.Graph:
    windows, heads, length, depth = (int(rng.integers(1, most)) for most in (5, 6, 14, 13))
    return graphs.merged_heads(windows, heads, length, depth)


def _padded(rng: np.random.Generator) -> graphs.Graph:
    kind = ("CONV_2D", "DEPTHWISE_CONV_2D")[int(rng.integers(2))]
    above, below, left, right = (int(n) for n in rng.integers(0, 3, 4))
    return graphs.padded(kind, (above, below, left, right), int(rng.integers(1, 4)), "VALID")


def _siblings(rng: np.random.Generator) -> graphs.Graph:
    return graphs.siblings(int(rng.integers(1, 40)), int(rng.integers(1, 40)))


def _joined(rng: np.random.Generator) -> graphs.Graph:
    windows, heads, length, depth = (int(rng.integers(1, most)) for most in (4, 5, 10, 11))
    soft, reshaped = rng.random(2) < 0.5
    axis = 3 if reshaped else int(rng.integers(1, 4))
    return graphs.joined_heads(
        windows, heads, length, depth, axis, soft=bool(soft), reshaped=bool(reshaped)
    )


def _directions(rng: np.random.Generator) -> graphs.Graph:
    batches, steps, inputs, units = (int(rng.integers(1, most)) for most in (4, 12, 20, 9))
    joined, time_major = (bool(flag) for flag in rng.random(2) < 0.5)
    return graphs.directions(batches, steps, inputs, units, joined=joined, time_major=time_major)


def _chain(rng: np.random.Generator) -> graphs.Graph:
    a = graphs.Layers("random chain", (1, int(rng.integers(1, 40)), 3))
    y = a.x
    for _ in range(int(rng.integers(2, 7))):
        op = ("ADD", "SUB", "MUL", "TANH", "LOGISTIC")[int(rng.integers(5))]
        scalar = op in {"ADD", "SUB", "MUL"}
        y = a.scalar(op, y, int(rng.integers(-128, 128))) if scalar else a.unary(op, y)
    return a.graph(y)


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(cases(), tmp_path_factory.mktemp("patterns"), seed=5)


@pytest.mark.unit
def test_passes_change_nearly_all_of_them() -> None:
    changed = 0
    for case in cases():
        draft = Draft.of(case.graph, ops.parse_graph(case.graph))
        changed += len(run_passes(draft, Target()).steps) != len(draft.steps)
    assert changed > 0.8 * COUNT


@needs_judge
@pytest.mark.host
def test_plain_c_equals_the_judge(legs: Legs) -> None:
    assert differences(legs.host(), legs.expected) == 0


@needs_judge
@pytest.mark.host
@pytest.mark.parametrize("optimize", ["speed", "ram"])
def test_portable_kernels_equal_the_judge(legs: Legs, optimize: str, tmp_path: Path) -> None:
    raw = tflite.write_model(legs.graph)
    compiled = compile_model(legs.graph, raw, tmp_path / "code", "portable", optimize)
    model = HostModel(tmp_path / "code", compiled, tmp_path / "host")
    assert differences(model.predict(legs.windows), legs.expected) == 0


@needs_judge
@pytest.mark.emulator
@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_assembly_equals_the_judge(kind: str, legs: Legs) -> None:
    assert differences(legs.core("cortex-m4", kind, "-O2"), legs.expected) == 0
