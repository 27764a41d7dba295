"""From measured layers to the cost of each feature: least squares without negative numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mcu_slm.costs import Cost, KernelCosts
from mcu_slm.costs.prediction import CALLS
from tests.costs.measuring import Sample

Reals = npt.NDArray[np.float64]
_TOLERANCE = 1e-9
_DIGITS = 4


def fit(samples: Sequence[Sample]) -> KernelCosts:
    """Return the costs of one kernel's features. Deviations count by what a layer takes in all."""
    counts = [sample.operator.features() | {CALLS: 1.0} for sample in samples]
    names = sorted({name for found in counts for name, count in found.items() if count})
    matrix = np.array([[found.get(name, 0.0) for name in names] for found in counts], np.float64)
    instructions = np.array([sample.instructions for sample in samples])
    cycles = np.array([sample.cycles for sample in samples])
    solved = [_relative(matrix, measured) for measured in (instructions, cycles)]
    errors = np.abs(matrix @ solved[0] / instructions - 1.0)
    features = {
        name: Cost(float(one), float(other))
        for name, one, other in zip(names, *solved, strict=True)
    }
    code = round(float(np.median([sample.code_bytes for sample in samples])))
    percent = float(np.ceil(errors.max() * 1000) / 10)
    return KernelCosts(len(samples), percent, code, features)


def _relative(matrix: Reals, measured: Reals) -> Reals:
    """Solve with every layer weighted by the reciprocal of what it takes; round the solution."""
    solution = non_negative(matrix / measured[:, None], np.ones(len(measured)))
    return np.array([float(f"{x:.{_DIGITS}g}") for x in solution])


def non_negative(matrix: Reals, target: Reals) -> Reals:
    """Return x >= 0 with the least |matrix @ x - target|.

    Source: Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23: columns enter one
        by one where that lowers the error, and leave where they would become negative.
    """
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1.0
    a = matrix / scale
    count = a.shape[1]
    x, active, useless = np.zeros(count), np.zeros(count, bool), np.zeros(count, bool)
    for _ in range(20 * count):
        gradient = np.where(active | useless, -np.inf, a.T @ (target - a @ x))
        entering = int(gradient.argmax())
        if gradient[entering] <= _TOLERANCE:
            break
        active[entering] = True
        trial = _solve(a, active, target)
        if trial[entering] <= _TOLERANCE:  # rounding alone made it look useful
            active[entering], useless[entering] = False, True
            continue
        useless[:] = False
        while (leaving := active & (trial <= _TOLERANCE)).any():
            steps = x[leaving] / np.maximum(x[leaving] - trial[leaving], _TOLERANCE)
            x = x + float(steps.min()) * (trial - x)
            active &= x > _TOLERANCE
            x[~active] = 0.0
            trial = _solve(a, active, target)
        x = trial
    return x / scale


def _solve(a: Reals, active: npt.NDArray[np.bool_], target: Reals) -> Reals:
    """Return the least squares solution in some columns, 0 in the others."""
    found = np.zeros(a.shape[1])
    found[active] = np.linalg.lstsq(a[:, active], target, rcond=None)[0]
    return found
