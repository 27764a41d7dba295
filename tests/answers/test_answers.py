"""Codes become thousandths with one exact rounding; what does not fit means nothing."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcu_slm.answers import (
    NEVER,
    Answer,
    answer_of,
    described,
    first_code_above,
    thousandths_of,
)
from mcu_slm.metadata import METADATA_NAME
from tests.answers.models import answering, info_of

pytestmark = pytest.mark.unit

CODES = np.arange(-128, 128)


@given(
    st.floats(2.0**-40, 8000.0, width=32, exclude_min=True),
    st.integers(-128, 127),
)
def test_all_codes_are_rounded_once_and_exactly(scale: float, zero_point: int) -> None:
    found = thousandths_of(scale, zero_point)
    assert found is not None
    exact = [Fraction(scale) * 1000 * int(code - zero_point) for code in CODES]
    assert found.of(CODES).tolist() == [floor(value + Fraction(1, 2)) for value in exact]
    assert 0 < found.multiplier < 2**31
    assert np.abs(found.of(CODES)).max() < 2**31


def test_halves_round_up_on_both_sides_of_zero() -> None:
    half = thousandths_of(1 / 16, 0)  # 62.5 thousandths a code
    assert half is not None
    assert half.of([-3, -1, 1, 3]).tolist() == [-187, -62, 63, 188]


@pytest.mark.parametrize("scale", [0.0, 1e-30, 9000.0, 1e30])
def test_scales_whose_thousandths_do_not_fit_have_none(scale: float) -> None:
    assert thousandths_of(scale, 0) is None


@pytest.mark.parametrize(
    ("threshold", "code"),
    [(0.25, 1), (0.249, 0), (-1e9, -128), (-31.75, -127), (32.0, NEVER), (31.99, 127)],
)
def test_an_alarm_is_above_the_threshold_and_not_on_it(threshold: float, code: int) -> None:
    assert first_code_above(threshold, 0.25, -1) == code


def test_a_regression_is_clipped_to_its_bounds_in_thousandths() -> None:
    answer = answer_of(answering("regression"))
    assert answer is not None
    assert (answer.unit, answer.low, answer.high) == ("cycles", 0, 125_000)
    values = answer.values(CODES)
    assert (values.min(), values.max()) == (0, 125_000)
    assert values[-98 + 128] == 1250


def test_events_have_a_row_of_classes_per_token() -> None:
    answer = answer_of(answering("events"))
    assert answer is not None
    assert (answer.classes, answer.tokens, answer.samples_per_token) == (3, 4, 8)


def test_an_anomaly_has_the_threshold_as_a_code() -> None:
    answer = answer_of(answering("anomaly"))
    assert answer is not None
    assert (answer.threshold, answer.alarm_code, answer.unit) == (2.3, -95, "")


@pytest.mark.parametrize(
    ("task", "changes"),
    [
        ("classification", {"task": ""}),
        ("classification", {"task": "guessing"}),
        ("classification", {"labels": ("a", "b")}),
        ("classification", {"labels": ()}),
        ("events", {"labels": ("a", "b")}),
        ("events", {"task": "classification"}),
        ("classification", {"task": "regression"}),
        ("classification", {"task": "anomaly"}),
        ("anomaly", {"threshold": None}),
        ("regression", {"output_max": 0.0}),
        ("regression", {"output_max": 3e6}),
    ],
)
def test_metadata_that_does_not_fit_means_nothing(task: str, changes: dict[str, object]) -> None:
    graph = answering(task)
    assert isinstance(answer_of(graph), Answer)
    info = replace(info_of(task), **changes)
    graph.metadata[METADATA_NAME] = info.to_bytes()  # type: ignore[index]
    assert answer_of(graph) is None


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        ("classification", "one of 3 classes"),
        ("regression", "a value from 0 to 125 cycles, in steps of 0.625 cycles"),
        (
            "anomaly",
            "an alarm where the score is above 2.3: from code -95 on, in steps of 0.09375",
        ),
        ("events", "one of 3 classes for each of 4 tokens of 8 samples"),
    ],
)
def test_reports_say_in_a_sentence_what_comes_out(task: str, sentence: str) -> None:
    answer = answer_of(answering(task))
    assert answer is not None
    assert described(answer) == sentence
