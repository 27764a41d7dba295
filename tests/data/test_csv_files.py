"""CSV recordings: what is read, and what is answered to broken files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcu_slm.data.readers.csv_files import read_csv
from mcu_slm.errors import DataError

pytestmark = pytest.mark.unit


def read(
    folder: Path, content: str | bytes, text: tuple[str, ...] = (), names: tuple[str, ...] = ()
):
    path = folder / "walk.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_csv(path, "walk.csv", ("a", "b"), text, names)


def refused(folder: Path, content: str | bytes, text: tuple[str, ...] = ()) -> str:
    with pytest.raises(DataError) as caught:
        read(folder, content, text)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        "a,b,s\n1,2.5,up\n-3e1,4,down\n",
        "s;b;a\nup;2.5;1\ndown;4;-30",
        "a\tb\ts\r\n1\t2.5\tup\r\n-30\t4\tdown\r\n",
        '"a","b","s"\n1,2.5,"up"\n\n"-30",4,down\n',
        b"\xef\xbb\xbfa, b ,s\n 1 , 2.5 , up\n-30,4,down\n",
    ],
)
def test_common_layouts_are_read(tmp_path: Path, content: str | bytes) -> None:
    x, text = read(tmp_path, content, ("s",))
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, [[1, 2.5], [-30, 4]])
    assert text["s"].tolist() == ["up", "down"]


def test_columns_of_a_file_without_header_are_named_by_the_project(tmp_path: Path) -> None:
    x, _ = read(tmp_path, "1,2,3\n4,5,6\n", names=("b", "t", "a"))
    np.testing.assert_array_equal(x, [[3, 1], [6, 4]])


def test_wrong_number_of_column_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the first row has 2 cells; expected 3"):
        read(tmp_path, "1,2\n", names=("a", "b", "c"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "walk.csv: is empty"),
        ("a,b\n", "walk.csv: holds no rows"),
        ("1,2\n3,4\n", "the first row holds numbers only; expected a header row"),
        ("a,bb\n1,2\n", "walk.csv: no column 'b'; expected one of a, bb. Did you mean 'bb'?"),
        ("a,b,b\n1,2,3\n", "column 'b' is there 2 times"),
        ("a,b\n1,2\n3,x\n", "walk.csv: b: data row 2 holds 'x'; expected a number"),
        ("a,b\n1,2\n,4\n", "walk.csv: a: data row 2 is empty"),
        ("a,b\n1_0,2\n", "walk.csv: a: data row 1 holds '1_0'"),
        ("a,b\n1,2\n3\n", "data row 2 has 1 cells; expected 2"),
        ("a,b\n1,5,2,5\n", "data row 1 has 4 cells; expected 2, as in the first row. Is the file"),
        ('a,b\n"1,5","2,5"\n', "walk.csv: a: data row 1 holds '1,5'; expected a number with"),
        ('a,b\n"1,5\n', "walk.csv: data row 1 has 1 cells"),
        (b"a,b\n\xff\xfe,2\n", "walk.csv: cannot be read ('utf-8' codec"),
        (b"a,b\n1,\x00\n", "walk.csv: "),
    ],
)
def test_broken_file_is_answered_with_its_place(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    assert message in refused(tmp_path, content)


def test_empty_label_is_refused(tmp_path: Path) -> None:
    assert "walk.csv: s: data row 2 is empty" in refused(tmp_path, "a,b,s\n1,2,up\n1,2, \n", ("s",))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_csv(tmp_path / "no.csv", "no.csv", ("a",), (), ())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text(alphabet='a,b;"\n\r1.e-nf_\0', max_size=40).map(str.encode))
def test_any_bytes_give_numbers_or_a_data_error(tmp_path: Path, content: bytes) -> None:
    with suppress(DataError):
        x, _ = read(tmp_path, b"a,b\n" + content)
        assert x.shape[1] == 2
