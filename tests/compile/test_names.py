"""Whatever an exporter calls a tensor, the C identifiers are valid, unique and readable."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcu_slm.compile import names

pytestmark = pytest.mark.unit


@given(st.text())
def test_any_name_gives_a_fragment_of_an_identifier(name: str) -> None:
    fragment = names.identifier(name)
    assert re.fullmatch(r"[0-9a-z][0-9a-z_]{0,39}", fragment)
    assert names.identifier(fragment) == fragment


@given(st.lists(st.sampled_from(["a", "a_2", "a_2_2", "a_3", "b"])))
def test_repeated_names_become_unique_and_the_first_keeps_its_name(given_names: list[str]) -> None:
    found = names.unique(given_names)
    assert len(set(found)) == len(found) == len(given_names)
    for index, (name, result) in enumerate(zip(given_names, found, strict=True)):
        assert result.startswith(name)
        assert result == name or name in found[:index]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dense_1/BiasAdd;dense_1/MatMul", "dense_1_biasadd"),
        ("StatefulPartitionedCall:0", "0"),
        ("StatefulPartitionedCall/model/softmax", "model_softmax"),
        ("größe */", "gr_e"),
        ("", "tensor"),
        ("日本", "tensor"),
        ("a" * 100, "a" * 40),
    ],
)
def test_exporters_paths_become_short_names(name: str, expected: str) -> None:
    assert names.identifier(name) == expected
