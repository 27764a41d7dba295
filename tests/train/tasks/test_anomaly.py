"""The anomaly task: normal windows teach, the validation's set the threshold."""

import pytest
import torch

from mcu_slm.config import AnomalyTask
from mcu_slm.train.tasks import Anomaly, Judged, Points, make_task
from tests.train.example import make_project

pytestmark = pytest.mark.unit


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values).unsqueeze(-1)


def points(*labels: int) -> Points:
    count = len(labels)
    label = torch.tensor(labels)
    return Points(label, torch.zeros(count, dtype=torch.int64), torch.arange(count))


def test_only_normal_windows_teach_and_choose():
    task = Anomaly()
    answers, truth = column(1.0, 2.0, 30.0), torch.tensor([0, 0, 1])
    assert float(task.loss(answers, task.targets(truth))) == pytest.approx(1.5)
    assert task.score(answers, truth).value == pytest.approx(-1.5)


def test_the_threshold_of_normal_validation_windows_judges_the_test():
    validation = Judged(column(1.0, 2.0, 9.0), torch.tensor([0, 0, 1]), points(0, 0, 1))
    # The first window has an anomaly, but not at its end.
    test = Judged(column(3.0, 1.0, 2.0, 5.0), torch.tensor([1, 0, 0, 1]), points(0, 0, 0, 1))
    found = Anomaly(0.1).judge({"validation": validation, "test": test})
    assert found["validation"]["threshold"] == found["test"]["threshold"] == 2.0
    assert found["validation"]["false_alarms_per_1000"] == 0.0
    assert found["test"]["anomalies_found"] == 1
    assert found["test"]["false_alarm_events"] == 1
    assert found["test"]["auroc"] == 1.0


def test_without_anomalies_there_is_no_auroc():
    normal = Judged(column(1.0, 2.0), torch.tensor([0, 0]), points(0, 0))
    found = Anomaly().judge({"validation": normal, "test": normal})
    assert "auroc" not in found["test"]
    assert found["test"]["surprise"] == pytest.approx(1.5)


def test_the_rate_is_no_part_of_what_training_depends_on():
    assert repr(Anomaly(0.1)) == repr(Anomaly(0.2))


def anomaly_project(**changes):
    task = AnomalyTask(kind="anomaly", normal_labels=("slow",), false_alarm_rate=0.25)
    return make_project(**changes).model_copy(update={"task": task})


def test_a_project_gives_the_task():
    project = anomaly_project(model={"family": "token-lm"})
    assert make_task(project, 2) == Anomaly(0.25)
