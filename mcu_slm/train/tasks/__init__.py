"""The tasks: from a project's `[task]` to what is learned and how it is judged."""

from mcu_slm.config import Project
from mcu_slm.train.tasks.alarms import Points
from mcu_slm.train.tasks.anomaly import Anomaly
from mcu_slm.train.tasks.base import Judged, Metrics, Score, Task
from mcu_slm.train.tasks.classification import Classification
from mcu_slm.train.tasks.events import Events
from mcu_slm.train.tasks.regression import Regression


def make_task(project: Project, classes: int) -> Task:
    """Return the task of a project whose data has so many classes."""
    settings, train = project.task, project.train
    if settings.kind == "regression":
        return Regression(settings.min, settings.max)
    if settings.kind == "anomaly":
        return Anomaly(settings.false_alarm_rate)
    kind = Events if settings.kind == "events" else Classification
    return kind(classes, train.label_smoothing, train.temperature)


__all__ = [
    "Anomaly",
    "Classification",
    "Events",
    "Judged",
    "Metrics",
    "Points",
    "Regression",
    "Score",
    "Task",
    "make_task",
]
