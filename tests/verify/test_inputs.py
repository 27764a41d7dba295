"""Windows for the proof: corners first, random ones repeatable, the user's own checked."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from mcu_slm.errors import UsageError
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.rows import unpack
from mcu_slm.verify import graph_windows, load_windows
from mcu_slm.verify.inputs import corners, default_windows, random_windows

pytestmark = pytest.mark.unit


def test_corners_hold_both_ends_the_zero_point_and_alternations() -> None:
    windows = corners((2, 3), -7)
    assert windows.shape == (7, 2, 3)
    assert windows.dtype == np.int8
    assert [set(w.reshape(-1).tolist()) for w in windows[:5]] == [
        {-128},
        {127},
        {-7},
        {-128, 127},
        {-128, 127},
    ]
    assert not np.array_equal(windows[3], windows[4])
    assert len({w.tobytes() for w in windows}) == 7


def test_random_windows_follow_their_seed_and_cover_the_range() -> None:
    first = random_windows((1, 50), 20, seed=3)
    assert np.array_equal(first, random_windows((1, 50), 20, seed=3))
    assert not np.array_equal(first, random_windows((1, 50), 20, seed=4))
    assert (first.min(), first.max()) == (-128, 127)


@pytest.mark.parametrize("count", [1, 7, 8, 30])
def test_default_windows_start_with_corners(count: int) -> None:
    windows = default_windows((4,), 5, count, seed=1)
    assert windows.shape == (count, 4)
    fixed = corners((4,), 5)[:count]
    assert np.array_equal(windows[: len(fixed)], fixed)


def with_input(*kinds: str) -> Graph:
    """Return a graph that only has inputs of the given types and the shape [2, 3]."""
    b = GraphBuilder()
    inputs = [b.tensor(f"x{i}", (2, 3), kind, scale=0.5) for i, kind in enumerate(kinds)]
    return b.build(inputs, inputs[:1])


def test_graphs_with_inputs_of_several_types_get_rows_of_bytes() -> None:
    graph = with_input("int8", "float32", "int16", "uint8")
    rows = graph_windows(graph, 20, seed=1)
    assert rows.shape == (20, 8 + 24 + 12 + 6)  # the float starts at a multiple of four
    int8, float32, int16, uint8 = unpack(graph, graph.inputs, rows)
    assert (int8.min(), int8.max()) == (-128, 127)
    assert (uint8.min(), uint8.max()) == (0, 255)
    assert (int16.min(), int16.max()) == (-32768, 32766)
    assert np.isfinite(float32).all()
    assert len(np.unique(float32)) > 60
    assert np.array_equal(rows, graph_windows(graph, 20, seed=1))


def test_windows_of_any_leading_shape_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "windows.npy"
    values = np.arange(24, dtype=np.int8)
    np.save(path, values.reshape(4, 6))
    assert np.array_equal(load_windows(path, with_input("int8")), values.reshape(4, 6))


def test_a_float_model_takes_float_windows(tmp_path: Path) -> None:
    path = tmp_path / "windows.npy"
    values = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 2, 3)
    np.save(path, values)
    graph = with_input("float32")
    assert np.array_equal(unpack(graph, graph.inputs, load_windows(path, graph))[0], values)
    with pytest.raises(UsageError, match="the model has 2 inputs; expected one"):
        load_windows(path, with_input("float32", "float32"))


def write(path: Path, content: bytes | np.ndarray) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with path.open("wb") as stream:
            np.save(stream, content, allow_pickle=True)


HUGE_HEADER = b"\x93NUMPY\x01\x00v\x00" + (
    b"{'descr': '|i1', 'fortran_order': False, 'shape': (1000000000000000,), }".ljust(117) + b"\n"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"cannot be read .*an \.npy file"),
        (b"not an array", r"cannot be read"),
        (b"PK\x03\x04 no archive", r"cannot be read"),
        (b"\x93NUMPY\x01\x00\xff\xff", r"cannot be read"),
        (HUGE_HEADER, r"cannot be read"),
        (np.zeros((3, 6)), r"type float64; expected int8\. Give values"),
        (np.array([{"pickled": 1}], object), r"cannot be read"),
        (np.zeros((3, 5), np.int8), r"shape \(3, 5\); expected \[windows, 2, 3\]"),
        (np.zeros((0, 6), np.int8), r"shape \(0, 6\)"),
        (np.array(1, np.int8), r"shape \(\)"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value)[:20],
)
def test_other_files_are_refused(content: bytes | np.ndarray, message: str, tmp_path: Path) -> None:
    path = tmp_path / "windows.npy"
    write(path, content)
    with pytest.raises(UsageError, match=message) as caught:
        load_windows(path, with_input("int8"))
    assert caught.value.where == f"--inputs {path}"


def test_archives_and_missing_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", np.zeros((1, 6), np.int8))
    with pytest.raises(UsageError, match=r"type archive; expected int8"):
        load_windows(tmp_path / "a.npz", with_input("int8"))
    with zipfile.ZipFile(tmp_path / "cut.npz", "w") as archive:
        archive.writestr("a", "text")
    whole = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="cannot be read"):
        load_windows(tmp_path / "cut.npz", with_input("int8"))
    with pytest.raises(UsageError, match=r"cannot be read .*No such file"):
        load_windows(tmp_path / "nothing.npy", with_input("int8"))
