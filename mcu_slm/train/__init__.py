"""Training: recordings to a quantised student.

    Dataset --recipe--> teacher, float student, pruned student, TrainedStudent (weights and ranges)

Needs PyTorch (extra `train`).
"""

from mcu_slm.errors import missing_extra

try:
    import torch  # noqa: F401 - fails early, with a remedy
except ImportError as error:
    raise missing_extra("torch", "train", "training") from error

from mcu_slm.train.exact import ExactOps
from mcu_slm.train.fake_quant import FakeQuantOps
from mcu_slm.train.float_ops import FloatOps
from mcu_slm.train.progress import Progress, ProgressEvent
from mcu_slm.train.ranges import QuantState
from mcu_slm.train.recipe import TrainResult, student_shape, train_model
from mcu_slm.train.student import BlockShape, Student, StudentShape
from mcu_slm.train.trained import TrainedStudent, load_trained

__all__ = [
    "BlockShape",
    "ExactOps",
    "FakeQuantOps",
    "FloatOps",
    "Progress",
    "ProgressEvent",
    "QuantState",
    "Student",
    "StudentShape",
    "TrainResult",
    "TrainedStudent",
    "load_trained",
    "student_shape",
    "train_model",
]
