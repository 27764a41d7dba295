"""Training: recordings to a quantised student.

    Dataset --recipe--> teacher, float student, pruned student, TrainedStudent (weights and ranges)

Needs PyTorch (extra `train`).
"""

from mcu_slm.errors import missing_extra

try:
    import torch  # noqa: F401 - fails early, with a remedy
except ImportError as error:
    raise missing_extra("torch", "train", "training") from error

from mcu_slm.train.backends import ExactOps, FakeQuantOps, FloatOps, QuantState
from mcu_slm.train.families import Head, Shape, Student, make_student, shape_of
from mcu_slm.train.forecast import forecast
from mcu_slm.train.progress import Progress, ProgressEvent
from mcu_slm.train.prune import BoardCost
from mcu_slm.train.recipe import TrainResult, train_model
from mcu_slm.train.trained import TrainedStudent, load_trained

__all__ = [
    "BoardCost",
    "ExactOps",
    "FakeQuantOps",
    "FloatOps",
    "Head",
    "Progress",
    "ProgressEvent",
    "QuantState",
    "Shape",
    "Student",
    "TrainResult",
    "TrainedStudent",
    "forecast",
    "load_trained",
    "make_student",
    "shape_of",
    "train_model",
]
