"""Metadata travels inside the flatbuffer; a stranger's broken metadata is no error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcu_slm import tflite
from mcu_slm.metadata import METADATA_NAME, ModelInfo, read_info
from tests.models import tiny

pytestmark = pytest.mark.unit

FULL = ModelInfo(
    labels=("sitzen", "gehen, größer"),
    channels=("acc x", "acc y"),
    units=("g", "g"),
    sampling_rate_hz=52.5,
    window_samples=128,
    hop_samples=64,
    mean=(0.1, -0.2),
    std=(1.0, 2.0),
    channel_scales=(0.001, 0.25),
    task="regression",
    output_unit="cycles",
    output_min=-5.0,
    output_max=125.5,
    threshold=0.125,
    tool_version="0.1.0",
)


def test_all_fields_survive_the_flatbuffer() -> None:
    graph = tiny()
    graph.metadata[METADATA_NAME] = FULL.to_bytes()  # type: ignore[index]
    assert read_info(tflite.read_model(tflite.write_model(graph)).metadata) == FULL


def test_a_model_without_metadata_has_defaults() -> None:
    assert read_info({}) == ModelInfo()


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xfe", b"{", b"[]", b"3", b"null", b'"labels"', b"[" * 100_000, b'{"a":' * 100_000],
    ids=lambda raw: repr(raw[:8]),
)
def test_broken_metadata_is_ignored(raw: bytes) -> None:
    assert read_info({METADATA_NAME: raw}) == ModelInfo()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(max_examples=40)
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(ModelInfo.__dataclass_fields__, json_values))
)
def test_fields_of_any_kind_give_clean_values(fields: dict[str, Any]) -> None:
    info = read_info({METADATA_NAME: json.dumps(fields).encode()})
    texts = (
        *info.labels,
        *info.channels,
        *info.units,
        info.task,
        info.output_unit,
        info.tool_version,
    )
    assert all(text.isprintable() and len(text) <= 60 for text in texts)
    numbers = (info.sampling_rate_hz, info.output_min, info.output_max, info.threshold or 0.0)
    assert all(abs(number) < 1e15 for number in numbers)
    lists = (*info.mean, *info.std, *info.channel_scales)
    assert all(isinstance(value, float) for value in lists)
    assert info.threshold is None or isinstance(info.threshold, float)
    info.to_bytes().decode("utf-8")


def test_labels_lose_what_a_terminal_or_a_header_must_not_see() -> None:
    raw = json.dumps({"labels": ["a\nb", "\x1b[31mred", "tab\there", "\u202eabc", 7]}).encode()
    assert read_info({METADATA_NAME: raw}).labels == ("ab", "[31mred", "tabhere", "abc", "7")
