"""What converters of any age write although nothing needs it: read like the plain file."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.tflite.schema import OPERATOR_OPTIONS, OPTION_TABLES
from tests.models import needs_judge, tiny, windows_of
from tests.tflite.broken import (
    FIRST_OPERATOR,
    attach,
    changed,
    set_model,
    set_operator,
    table_index,
    target,
    words,
)

pytestmark = pytest.mark.unit


def type_without_table() -> bytes:
    """An operator names the kind of its options and has none."""
    raw = bytearray(changed(set_operator(builtin_options=("FullyConnected", {}))))
    index = table_index(bytes(raw), *FIRST_OPERATOR)
    struct.pack_into("<H", raw, index + 4 + 2 * 4, 0)  # the union's second slot, its table
    return bytes(raw)


def signature_of_an_old_converter() -> bytes:
    """A signature with its key where later formats have a field that is no longer used."""
    window, logits = ({"name": name, "tensor_index": n} for name, n in (("x", 0), ("y", 3)))
    fields = {"signature_key": "predict", "deprecated_tag": "serving_default", "subgraph_index": 0}
    return changed(set_model(signature_defs=[{"inputs": [window], "outputs": [logits], **fields}]))


def memory_plan() -> bytes:
    """A memory plan made elsewhere that keeps the tensors apart."""
    return changed(attach("OfflineMemoryAllocation", words(1, 0, 4, 48, -1, -1, 16)))


HABITS: dict[str, Callable[[], bytes]] = {
    "options with a type and no table": type_without_table,
    "memory plan": memory_plan,
    "signature of an old converter": signature_of_an_old_converter,
}


@needs_judge
@pytest.mark.parametrize("name", HABITS)
def test_a_habit_changes_nothing(name: str) -> None:
    plain, raw = tiny(), HABITS[name]()
    assert raw != tflite.write_model(plain)
    graph = tflite.read_model(raw)
    assert ops.parse_graph(graph)
    windows = windows_of(graph, 8, seed=3)
    for found, expected in zip(
        judge.run(raw, windows), judge.run(tflite.write_model(plain), windows), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_the_type_without_a_table_is_really_there() -> None:
    raw = type_without_table()
    index = table_index(raw, *FIRST_OPERATOR)
    stored, table = struct.unpack_from("<2H", raw, index + 4 + 2 * 3)
    kind = OPTION_TABLES.index(OPERATOR_OPTIONS["FULLY_CONNECTED"]) + 1
    assert (raw[target(raw, *FIRST_OPERATOR) + stored], table) == (kind, 0)
