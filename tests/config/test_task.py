"""`[task]`: what each kind takes, which data it needs, and what mistakes are answered with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from mcu_slm.config import (
    AnomalyTask,
    ClassificationTask,
    EventsTask,
    Project,
    RegressionTask,
    json_schema,
    loading,
    parse_project,
)
from mcu_slm.config.base import Section
from mcu_slm.errors import ConfigError

pytestmark = pytest.mark.unit

DATA = """
project = { name = "pump" }
board = { name = "nucleo_f446re" }
[data]
format = "csv"
files = ["*.csv"]
channels = ["x"]
channel_units = ["g"]
sampling_rate_hz = 50
window_samples = 16
"""
LABEL = 'label = { column = "state" }\n'
GROUP = 'group = { column = "unit" }\n'
COPIES = "pad_start_samples = 99\n"
TIME = '[data.split]\nkind = "by_time"\n'
PROBATION = '[data.split]\nkind = "probation"\n'
REGRESSION = '[task]\nkind = "regression"\nunit = "h"\nmin = 0\nmax = 125\n'
TOKENS = '[model]\nfamily = "token-lm"\n'
ANOMALY = TOKENS + '[task]\nkind = "anomaly"\nnormal_labels = [0]\n'
EVENTS = '[task]\nkind = "events"\n'


def parse(*parts: str) -> Project:
    return parse_project(DATA + "".join(parts), Path("mcu_slm.toml"))


def refused(*parts: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(*parts)
    return str(caught.value)


@pytest.mark.parametrize("family", ["transformer", "tcn", "bilstm", "filterbank", "spectral"])
def test_families_without_a_score_find_no_anomalies(family: str) -> None:
    found = refused(LABEL, TIME, ANOMALY.replace("token-lm", family))
    assert 'needs model.family = "token-lm"' in found
    assert f'"{family}" has none' in found


def test_a_threshold_needs_windows_that_were_not_learned_from() -> None:
    found = refused(LABEL, TIME, ANOMALY, "[train]\nlearn_from_validation = true\n")
    assert "train.learn_from_validation = true leaves no windows" in found


def test_without_a_section_the_task_is_classification() -> None:
    assert parse(LABEL, TIME).task == ClassificationTask()


@pytest.mark.parametrize("truth", ['target = "rul"\n', "target_countdown = true\n"])
def test_regression_takes_targets(truth: str) -> None:
    project = parse(truth, "pad_start = true\n", TIME, REGRESSION)
    assert project.task == RegressionTask(unit="h", min=0.0, max=125.0)
    assert isinstance(project.task, RegressionTask)
    assert project.task.evaluate == "all"
    assert project.data.has_targets
    assert project.data.pad_start


def test_task_that_is_no_table_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"task: found 3; expected a"):
        parse_project("task = 3" + DATA + LABEL + TIME, Path("mcu_slm.toml"))


def test_anomaly_and_events_take_labels() -> None:
    anomaly = parse(LABEL, PROBATION, "probation_fraction = 0.2\n", ANOMALY)
    assert anomaly.task == AnomalyTask(normal_labels=(0,))
    assert isinstance(anomaly.task, AnomalyTask)
    assert anomaly.task.false_alarm_rate == 0.001
    assert anomaly.data.split.probation_fraction == 0.2
    assert parse(LABEL, TIME, EVENTS).task == EventsTask()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((LABEL, TIME, "[task]\n"), "task.kind: missing; expected one of classification, regress"),
        (
            (LABEL, TIME, '[task]\nkind = "anomoly"\n'),
            "task.kind: found 'anomoly'; expected anomaly (did you mean that?)",
        ),
        ((LABEL, TIME, "[task]\nkind = 3\n"), "task.kind: found "),
        (
            (LABEL, TIME, REGRESSION, "evalute = 'last'\n"),
            "task.evalute: unknown key; expected evaluate (did you mean that?)",
        ),
        (
            (LABEL, TIME, '[task]\nkind = "anomaly"\n'),
            "task.normal_labels: missing; expected labels of normal samples",
        ),
        (
            (LABEL, TIME, ANOMALY, "false_alarm_rate = 0.0\n"),
            "task.false_alarm_rate: found 0.0; expected greater than 0",
        ),
        (
            (LABEL, TIME, ANOMALY.replace("[0]", "[]")),
            "task.normal_labels: found [];",
        ),
        (
            ('target = "rul"\n', TIME, REGRESSION.replace("125", "0")),
            "task: min 0 is not below max 0",
        ),
        (
            ('target = "rul"\n', TIME, REGRESSION.replace("125", "2000001")),
            "task: min and max are told in thousandths, in 32 bits: expected -2,000,000 to "
            "2,000,000; choose a larger unit",
        ),
        (
            ('target = "rul"\n', TIME, REGRESSION.replace("125", "inf")),
            "task.max: found inf; expected a finite number",
        ),
    ],
)
def test_mistake_in_the_task_is_answered_with_its_field(
    parts: tuple[str, ...], message: str
) -> None:
    assert refused(*parts).startswith(f"mcu_slm.toml: {message}")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((TIME,), "data: expected exactly one of label, target, target_countdown, found 0"),
        ((LABEL, 'target = "rul"\n', TIME), "found 2"),
        ((LABEL, TIME, REGRESSION), "needs data.target or data.target_countdown"),
        (('target = "rul"\n', TIME), 'data.target needs task.kind = "regression", found "class'),
        (('target = "rul"\n', TIME, ANOMALY), 'needs task.kind = "regression", found "anomaly"'),
        ((LABEL, PROBATION), 'data.split.kind = "probation" needs task.kind = "anomaly"'),
        (
            (LABEL, TIME, "probation_fraction = 0.1\n"),
            'data.split: probation_fraction means nothing for kind = "by_time"',
        ),
        ((LABEL, "pad_start = true\n", TIME), "data.pad_start means nothing for task.kind"),
        (('target = "rul"\n', COPIES, TIME, REGRESSION), "needs pad_start = true"),
        (
            ('target = "rul"\npad_start = true\n', COPIES, TIME, REGRESSION),
            "pad_start_samples = 99 leaves no sample of a window of",
        ),
        ((LABEL, 'classes = ["a"]\n', TIME, ANOMALY), "data.classes means nothing"),
        (
            ("target_countdown = true\n", 'ignore_labels = ["a"]\n', TIME, REGRESSION),
            "data.ignore_labels means nothing",
        ),
        (
            (LABEL, 'ignore_labels = ["0"]\n', TIME, ANOMALY),
            "task.normal_labels and data.ignore_labels both name '0'",
        ),
        (("label = { folder = 1 }\n", TIME, EVENTS), "needs data.label = { column ="),
    ],
)
def test_data_that_do_not_fit_the_task_are_refused(parts: tuple[str, ...], message: str) -> None:
    assert message in refused(*parts)


NPZ = """
project = { name = "engines" }
board = { name = "nucleo_f446re" }
[data]
format = "npz"
files = ["a.npz"]
channels = ["x"]
channel_units = ["g"]
sampling_rate_hz = 50.0
window_samples = 16
split = { kind = "official" }
train = { windows = "X", target = "rul" }
test = { windows = "Xt", target = "rult" }
"""


def test_arrays_of_targets_are_named_per_split() -> None:
    data = parse_project(NPZ + REGRESSION, Path("mcu_slm.toml")).data
    assert data.has_targets


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('target = "rult"', 'labels = "yt"', "labels is given for some array sets but not for tr"),
        ('target = "rult"', 'groups = "g"', "data.test: expected exactly one of labels, target"),
    ],
)
def test_every_array_set_says_what_to_learn(old: str, new: str, message: str) -> None:
    text = (NPZ + REGRESSION).replace(old, new)
    with pytest.raises(ConfigError) as caught:
        parse_project(text, Path("mcu_slm.toml"))
    assert message in str(caught.value)


def test_events_need_a_label_per_sample() -> None:
    text = """
project = { name = "motions" }
board = { name = "nucleo_f446re" }
task = { kind = "events" }
[data]
format = "aeon"
dataset = "BasicMotions"
channels = ["x"]
channel_units = ["g"]
sampling_rate_hz = 10
window_samples = 100
split = { kind = "official" }
"""
    with pytest.raises(ConfigError, match=r'"events" needs a label per sample; aeon has none'):
        parse_project(text, Path("mcu_slm.toml"))


def test_schema_describes_every_task() -> None:
    schema = json_schema()
    assert schema["properties"]["task"]["discriminator"]["propertyName"] == "kind"
    assert set(schema["$defs"]) >= {"RegressionTask", "AnomalyTask", "EventsTask"}


class _Tall(Section):
    family: Literal["tall", "taller"]
    """Family."""
    height: int
    """How tall it is."""


class _Wide(Section):
    family: Literal["wide"] = "wide"
    """Family."""
    width: int = 3
    """How wide it is."""


class _Two(Section):
    model: Annotated[_Tall | _Wide, Field(discriminator="family")]
    """Either."""


@pytest.mark.parametrize(
    ("model", "where", "message"),
    [
        ({"family": "tal"}, "model.family", "found 'tal'; expected tall (did you mean that?)"),
        ({}, "model.family", "missing; expected one of tall, taller, wide"),
        ({"family": "wide", "widht": 3}, "model.widht", "unknown key; expected width (did"),
        ({"family": "taller"}, "model.height", "missing; expected how tall it is"),
        ({"family": "tall", "height": "x"}, "model.height", "found 'x'; expected a whole number"),
    ],
)
def test_any_section_in_the_table_may_have_several_kinds(
    monkeypatch: pytest.MonkeyPatch, model: dict[str, Any], where: str, message: str
) -> None:
    monkeypatch.setattr(loading, "Project", _Two)
    with pytest.raises(ConfigError) as caught:
        parse_project(_toml(model), Path("mcu_slm.toml"))
    assert caught.value.where == f"mcu_slm.toml: {where}"
    assert message in str(caught.value)


def _toml(model: dict[str, Any]) -> str:
    keys = ", ".join(f"{key} = {value!r}" for key, value in model.items())
    return f"model = {{ {keys} }}"
