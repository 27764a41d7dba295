"""The project file: what a minimal one gives, and what each kind of mistake is answered with."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mcu_slm.config import CsvData, NpzData, Project, json_schema, load_project, parse_project
from mcu_slm.errors import ConfigError
from mcu_slm.firmware import SENSORS

pytestmark = pytest.mark.unit

MINIMAL = """
[project]
name = "pump"

[data]
format = "csv"
files = ["recordings/*.csv"]
channels = ["accel_x", "accel_y"]
channel_units = ["g", "g"]
sampling_rate_hz = 50
window_samples = 128
label = { column = "state" }

[data.split]
kind = "by_time"

[board]
name = "nucleo_f446re"
"""


def parse(text: str) -> Project:
    return parse_project(text, Path("mcu_slm.toml"))


def refused(old: str, new: str) -> ConfigError:
    """Return the error for the minimal file with one text replaced."""
    assert old in MINIMAL
    with pytest.raises(ConfigError) as caught:
        parse(MINIMAL.replace(old, new))
    return caught.value


def test_minimal_file_takes_defaults() -> None:
    project = parse(MINIMAL)
    assert isinstance(project.data, CsvData)
    assert project.data.hop == 128
    assert not project.data.overlapping
    assert project.project.seed == 1
    assert project.model.family == "transformer"
    assert project.budget.flash_bytes is None


def test_the_firmwares_sensor_is_chosen_by_name() -> None:
    default = parse(MINIMAL).firmware
    assert (default.sensor, default.range_g, default.hop_samples) == ("replay", 4, None)
    chosen = parse(MINIMAL + '[firmware]\nsensor = "lis3dh"\nrange_g = 2\nhop_samples = 16\n')
    assert (chosen.firmware.sensor, chosen.firmware.range_g) == ("lis3dh", 2)
    assert (chosen.firmware.hop_samples, chosen.firmware.bus) == (16, "")
    on_spi = parse(MINIMAL + '[firmware]\nsensor = "lis3dh"\nbus = "spi"\n')
    assert on_spi.firmware.bus == "spi"
    for name in SENSORS:
        assert parse(MINIMAL + f'[firmware]\nsensor = "{name}"\n').firmware.sensor == name


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('sensor = "microphone"', "lsm6dso"),
        ('sensor = "adc"\nrange_g = 2', "range_g means nothing"),
        ('sensor = "lis3dh"\nrange_g = 3', "2, 4, 8 or 16"),
        ("hop_samples = 4", "hop_samples means nothing"),
        ('sensor = "stream"\nbus = "spi"', "bus means nothing"),
        ('sensor = "lis3dh"\nbus = "can"', "i2c.*spi"),
    ],
)
def test_a_wrong_sensor_is_answered(section: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(MINIMAL + f"[firmware]\n{section}\n")


def test_sections_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        parse(MINIMAL).project.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize("as_folder", [False, True])
def test_project_knows_its_folder(tmp_path: Path, as_folder: bool) -> None:
    file = tmp_path / "mcu_slm.toml"
    file.write_text(MINIMAL)
    project = load_project(tmp_path if as_folder else file)
    assert project.directory == tmp_path
    assert project.path == file


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ("= 128", '= "128"', "data.window_samples", "found '128'; expected a whole number"),
        ("= 128", "= 128.5", "data.window_samples", "found 128.5; expected a whole number"),
        ("= 128", "= true", "data.window_samples", "found true; expected a whole number"),
        ("= 128", "= 1", "data.window_samples", "found 1; expected greater than or equal to 2"),
        ("= 50", "= nan", "data.sampling_rate_hz", "expected a finite number"),
        ("= 50", "= 0", "data.sampling_rate_hz", "found 0; expected greater than 0"),
        ('"pump"', '"a pump"', "project.name", "letters, digits"),
        ('"csv"', '"cvs"', "data.format", "found 'cvs'; expected csv (did you mean that?)"),
        ('format = "csv"', "", "data.format", "missing; expected one of csv, parquet, wav"),
        ('kind = "by_time"', "", "data.split.kind", "missing; expected official: as the source"),
        ('"by_time"', '"by_tim"', "data.split.kind", "found 'by_tim'"),
        ("{ column", "{ colum", "data.label.colum", "expected column (did you mean that?)"),
        ("[board]", "[budget]\nflash = 3\n[board]", "budget.flash", "expected flash_bytes"),
        ("[board]", "[tain]\n[board]", "tain", "expected train (did you mean that?)"),
        ('["accel_x", "accel_y"]', '["accel_x", 3]', "data.channels[1]", "text in quotes"),
        ('["accel_x", "accel_y"]', '"accel_x"', "data.channels", "a list in brackets"),
        ('["accel_x", "accel_y"]', '["a", "a"]', "data", "channels names 'a' twice"),
        ('["g", "g"]', '["g"]', "data", "channel_units has 1 entries for 2 channels"),
        ("= 128", "= 128\nchannel_scales = [0.5]", "data", "channel_scales has 1 entries for 2"),
        ("= 128", "= 128\nchannel_scales = [1, 0]", "data.channel_scales[1]", "greater than 0"),
        (
            "= 128",
            "= 128\nignore_labels = [1.5]",
            "data.ignore_labels[0]",
            "text in quotes or a whole",
        ),
        ("= 128", '= 128\nclasses = ["a","b"]\nclass_labels = [1]', "data", "1 entries for 2"),
        ('"by_time"', '"by_group"', "data", "needs the key group"),
        ('"by_time"', '"official"', "data", "use train_files, test_files"),
        ("files =", "train_files =", "data", 'kind = "by_time" needs the key files'),
        ('"by_time"', '"by_time"\nforce_random = true', "data.split", "force_random means nothing"),
        ('"by_time"', '"by_time"\ntest_fraction = 1.0', "data.split.test_fraction", "less than 1"),
        ('column = "state"', "", "data.label", "exactly one of column, file_name, folder, found 0"),
        ('column = "state"', "file_name = '('", "data.label", "not a regular expression"),
        ('column = "state"', "file_name = 'a'", "data.label", "one pair of capturing parentheses"),
        ("[board]", "[model]\nheads = 5\n[board]", "model", "cannot be shared equally by 5 heads"),
        (
            "[board]",
            '[model]\nfamily = "token-lm"\nheads = 5\n[board]',
            "model",
            "cannot be shared equally by 5 heads",
        ),
        (
            "[board]",
            '[model]\nfamily = "token-lm"\nscored_samples = 4096\n[board]',
            "",
            "model.scored_samples 4096 leave nothing before them",
        ),
        ("= 128", "= 4", "", "do not fit data.window_samples 4"),
    ],
)
def test_mistake_is_answered_with_its_field(old: str, new: str, field: str, message: str) -> None:
    error = refused(old, new)
    assert error.where == (f"mcu_slm.toml: {field}" if field else "mcu_slm.toml")
    assert message in str(error)
    assert "\n" not in str(error)


ROTATION = """
[train.augment]
rotation_degrees = 15
rotation_groups = [["acc_x", "acc_y", "acc_z"], ["gyro_x", "gyro_y", "gyro_z"]]

[board]"""
SIX_AXES = MINIMAL.replace("[board]", ROTATION).replace(
    'channels = ["accel_x", "accel_y"]\nchannel_units = ["g", "g"]',
    'channels = ["acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"]\n'
    'channel_units = ["g", "g", "g", "rad/s", "rad/s", "rad/s"]',
)


def test_rotation_groups_name_the_axes_of_sensors() -> None:
    augment = parse(SIX_AXES).train.augment
    assert augment.rotation_groups == (
        ("acc_x", "acc_y", "acc_z"),
        ("gyro_x", "gyro_y", "gyro_z"),
    )
    assert augment.rotation_degrees == 15


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ('"acc_z"], [', '"acc_w"], [', "", "group acc_x, acc_y, acc_w names 'acc_w', expected"),
        ('"gyro_z"]]', '"up", "gyro_z"]]', "train.augment.rotation_groups[1]", "at most 3 items"),
        ('"acc_z"], [', "], [", "train.augment.rotation_groups[0]", "at least 3 items"),
        ('"gyro_z"]]', '"acc_x"]]', "train.augment", "rotation_groups names 'acc_x' twice"),
        ('"rad/s", "rad/s", "rad/s"', '"rad/s", "g", "g"', "", "is in rad/s, g, g, expected one"),
        ("= 15", "= 181", "train.augment.rotation_degrees", "less than or equal to 180"),
        ("= 15\n", "= 15\n#", "train.augment", "rotation_degrees needs the key rotation_groups"),
    ],
)
def test_mistake_in_a_rotation_group_is_named(old: str, new: str, field: str, message: str) -> None:
    assert old in SIX_AXES
    with pytest.raises(ConfigError) as caught:
        parse(SIX_AXES.replace(old, new))
    assert caught.value.where == (f"mcu_slm.toml: {field}" if field else "mcu_slm.toml")
    assert message in str(caught.value)


def test_all_mistakes_are_listed_one_per_line() -> None:
    error = refused("window_samples = 128", "windows_samples = 128\nhop_samples = -3")
    lines = str(error).splitlines()
    assert lines[0] == "mcu_slm.toml: 3 problems:"
    assert error.values["fields"] == (
        "data.window_samples",
        "data.hop_samples",
        "data.windows_samples",
    )
    assert lines[3].startswith("  data.windows_samples: unknown key; expected window_samples")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("[project]\nname = pump\n", 2, 8),
        ('[project]\nname = "pump', 2, 13),
        ("a = 1\na = 2", 2, 6),
    ],
)
def test_syntax_error_names_line_and_column(text: str, line: int, column: int) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.where == f"mcu_slm.toml: line {line}, column {column}"
    assert (caught.value.values["line"], caught.value.values["column"]) == (line, column)


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000])
def test_absurd_toml_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read as TOML"):
        parse(text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file; expected a project file"):
        load_project(tmp_path / "mcu_slm.toml")


def test_folder_in_place_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mcu_slm.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_project(tmp_path)


def test_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mcu_slm.toml"
    file.write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError, match="byte 8 is not UTF-8"):
        load_project(file)


def test_environment_variable_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCU_SLM_SHARED", "/data")
    project = parse(MINIMAL.replace("recordings/", "${MCU_SLM_SHARED}/pump/"))
    assert isinstance(project.data, CsvData)
    assert project.data.files == ("/data/pump/*.csv",)


def test_undefined_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MCU_SLM_SHARED", raising=False)
    error = refused("recordings/", "${MCU_SLM_SHARED}/")
    assert str(error) == (
        "mcu_slm.toml: data.files[0]: the environment variable MCU_SLM_SHARED is not set."
    )


NPZ = """
project = { name = "har" }
board = { name = "nucleo_f446re" }
[data]
format = "npz"
files = ["a.npz"]
channels = ["x"]
channel_units = ["g"]
sampling_rate_hz = 50.0
window_samples = 16
train = { windows = "X", labels = "y", groups = "s" }
test = { windows = "Xt", labels = "yt", groups = "st" }
split = { kind = "official" }
"""


def test_npz_arrays_are_named_per_split() -> None:
    data = parse(NPZ).data
    assert isinstance(data, NpzData)
    assert data.train is not None
    assert data.train.groups == "s"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (', groups = "st"', "", "groups is given for some array sets but not for test"),
        ('test = { windows = "Xt", labels = "yt", groups = "st" }', "", "needs the key test"),
        ("train =", "all =", "all has no place in split.kind"),
        ('"official"', '"random"', 'kind = "random" needs the key all'),
    ],
)
def test_npz_arrays_must_fit_the_split(old: str, new: str, message: str) -> None:
    assert old in NPZ
    with pytest.raises(ConfigError, match=message.replace('"', ".")):
        parse(NPZ.replace(old, new))


AEON = """
project = { name = "motions" }
board = { name = "nucleo_f446re" }
[data]
format = "aeon"
dataset = "BasicMotions"
channels = ["x"]
channel_units = ["g"]
sampling_rate_hz = 10
window_samples = 100
split = { kind = "official" }
"""


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ('{ kind = "by_group" }', "no groups"),
        ('{ kind = "official", validation_groups = ["a"] }', "no groups"),
        ('{ kind = "by_time" }', "no common time"),
    ],
)
def test_loose_recordings_have_neither_groups_nor_time(split: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(AEON.replace('{ kind = "official" }', split))


def test_json_schema_describes_every_key() -> None:
    schema = json_schema()
    json.dumps(schema)
    undescribed = [
        f"{name}.{key}"
        for name, section in schema["$defs"].items()
        for key, value in section["properties"].items()
        if not value.get("description")
    ]
    assert len(schema["$defs"]) >= 15
    assert undescribed == []
    assert schema["$defs"]["CsvData"]["additionalProperties"] is False


@given(st.text(max_size=200))
def test_any_text_gives_a_project_or_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(
    st.sampled_from(["format", "files", "channels", "label", "split", "window_samples", "classes"]),
    _VALUES,
)
def test_any_value_of_a_key_is_answered(key: str, value: object) -> None:
    """Wrong types deep inside a section never show a foreign exception."""
    rendered = _toml(value)
    lines = [line for line in MINIMAL.splitlines() if not line.startswith(f"{key} =")]
    if key == "split":
        lines = [line for line in lines if line != "[data.split]" and "kind" not in line]
    lines.insert(lines.index("[data]") + 1, f"{key} = {rendered}")
    with suppress(ConfigError):
        parse("\n".join(lines))


def _toml(value: object) -> str:
    """Return a value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)
