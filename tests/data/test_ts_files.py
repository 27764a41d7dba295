"""`.ts` files: what is read, and what is answered to broken files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcu_slm.data.readers.ts_files import read_ts
from mcu_slm.errors import DataError
from tests.data.sources import CSV, config

pytestmark = pytest.mark.unit

TS = {k: v for k, v in CSV.items() if k not in ("label", "split")} | {
    "format": "ts",
    "files": ["a.ts"],
    "split": {"kind": "random"},
}
GOOD = """# two cases
%another comment
@problemName Motions
@timeStamps false
@classLabel true up down

@data
1,2,3,4:5,6,7,8:up

-1,0,1.5,2e1:0,0,0,0: down
"""


def read(folder: Path, content: str | bytes):
    path = folder / "a.ts"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_ts(path, "a.ts", "all", config(TS))


def test_dimensions_become_channels(tmp_path: Path) -> None:
    item = read(tmp_path, GOOD)
    np.testing.assert_array_equal(
        item.x,
        [[[1, 5], [2, 6], [3, 7], [4, 8]], [[-1, 0], [0, 0], [1.5, 0], [20, 0]]],
    )
    assert item.labels.tolist() == ["up", "down"]
    assert item.starts is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("7,8:up", "7:up", "a.ts: line 8: a dimension has 3 samples; expected 4"),
        (":0,0,0,0:", ":0,0,0:", "a.ts: line 10: a dimension has 3 samples; expected 4"),
        (":0,0,0,0: down", ": down", "line 10: has 1 dimensions and a label; expected 2"),
        ("down\n", "1,2\n", "line 10: does not end with a class label"),
        (": down", ":", "line 10: does not end with a class label"),
        ("2e1", "?", "line 10: sample 3 of dimension 0 is missing; expected a number"),
        ("2e1", "2x", "line 10: sample 3 of dimension 0 is '2x'"),
        ("2e1", "nan", "a.ts: a: recording 1, sample 3 is NaN"),
        ("@timeStamps false", "@timeStamps true", "line 4: has time stamps"),
        ("@classLabel true up down", "@classLabel false", "line 5: has no class labels"),
        ("@data\n", "", "a.ts: has no line @data"),
        (GOOD[GOOD.index("1,2") :], "", "a.ts: holds no recording"),
        (GOOD, "", "a.ts: has no line @data"),
        (":0,0,0,0: down", ":0,0,0,0:0,0,0,0: down", "line 10: has 3 dimensions"),
    ],
)
def test_broken_file_is_answered_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    with pytest.raises(DataError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert message in str(caught.value)


def test_other_channel_count_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.ts: has 1 channels; expected 2: a, b"):
        read(tmp_path, "@data\n1,2,3,4:up\n")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.ts: cannot be read"):
        read(tmp_path, b"@data\n\xff:up")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="@data1,:.?-enf \n#%", max_size=50) | st.binary(max_size=40))
def test_any_content_gives_recordings_or_a_data_error(tmp_path: Path, tail: str | bytes) -> None:
    raw = tail.encode() if isinstance(tail, str) else tail
    with suppress(DataError):
        assert read(tmp_path, b"@data\n1,2:3,4:up\n" + raw).x.shape[1:] == (2, 2)
