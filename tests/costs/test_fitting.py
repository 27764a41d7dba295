"""Least squares without negative numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.costs.fitting import non_negative

pytestmark = pytest.mark.unit


def test_what_is_not_negative_is_found_exactly() -> None:
    rng = np.random.default_rng(5)
    matrix = rng.uniform(0, 10, (40, 8))
    wanted = np.array([3.0, 0.0, 17.5, 0.25, 0.0, 1.0, 100.0, 6.0])
    np.testing.assert_allclose(non_negative(matrix, matrix @ wanted), wanted, atol=1e-7)


def test_what_would_be_negative_is_zero_and_the_rest_is_best_without_it() -> None:
    matrix = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    target = np.array([3.0, 2.0, 1.0])  # 4 - x
    np.testing.assert_allclose(non_negative(matrix, target), [2.0, 0.0])


def test_columns_that_say_the_same_share_what_they_explain() -> None:
    column = np.arange(1.0, 6.0)
    matrix = np.stack([column, column, np.ones(5)], axis=1)
    found = non_negative(matrix, 4 * column + 2)
    assert (found >= 0).all()
    np.testing.assert_allclose(matrix @ found, 4 * column + 2)


def test_no_solution_is_worse_than_its_neighbours() -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        matrix = rng.normal(size=(12, 5))
        target = rng.normal(size=12)
        found = non_negative(matrix, target)
        least = np.linalg.norm(matrix @ found - target)
        assert (found >= 0).all()
        for step in rng.normal(scale=1e-3, size=(50, 5)):
            nearby = np.maximum(found + step, 0.0)
            assert np.linalg.norm(matrix @ nearby - target) >= least - 1e-12
