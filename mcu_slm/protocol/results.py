"""What a model's answers mean, as the firmware tells it: values and scores in thousandths."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from mcu_slm.protocol.cursor import Cursor


class Task(IntEnum):
    """What a model answers."""

    CLASSIFICATION = 1
    REGRESSION = 2
    ANOMALY = 3
    EVENTS = 4


@dataclass(frozen=True)
class Meaning:
    """What the answers mean. Fields of other tasks are 0.

    `counts` is how many raw counts INFER_COUNTS takes, 0 where the firmware has no such request.

    Units: `lowest`, `highest` (regression) and `threshold` (anomaly) in thousandths of `unit`.
    """

    task: Task
    counts: int
    unit: str
    lowest: int = 0
    highest: int = 0
    threshold: int = 0
    tokens: int = 0
    samples_per_token: int = 0

    @classmethod
    def parse(cls, payload: bytes) -> Meaning:
        """Parse an answer to MEANING."""
        cursor = Cursor("MEANING", payload)
        number, counts, unit = cursor.u8(), cursor.u32(), cursor.string()
        if number not in set(Task):
            raise cursor.error(f"the task is {number}", "1 to 4")
        meaning = cls(Task(number), counts, unit)
        if meaning.task == Task.REGRESSION:
            meaning = cls(meaning.task, counts, unit, lowest=cursor.i32(), highest=cursor.i32())
        elif meaning.task == Task.ANOMALY:
            meaning = cls(meaning.task, counts, unit, threshold=cursor.i32())
        elif meaning.task == Task.EVENTS:
            lengths = cursor.u32(), cursor.u32()
            meaning = cls(meaning.task, counts, unit, 0, 0, 0, *lengths)
        cursor.finish()
        return meaning


@dataclass(frozen=True, eq=False)
class Result:
    """Event: the model's answer to one window of the board's sensor, and what it means.

    `thousandths` is the score of the decision or the value; `decision` is a class (events: of the
    last token) or, for an anomaly, 1 where there is an alarm.

    Shapes: output: int8 [output_bytes]
    """

    index: int
    uptime_ms: int
    cycles: int
    thousandths: int
    decision: int
    output: npt.NDArray[np.int8]

    @classmethod
    def parse(cls, payload: bytes) -> Result:
        """Parse a RESULT event."""
        cursor = Cursor("RESULT", payload)
        counters = cursor.u32(), cursor.u32(), cursor.u32()
        return cls(*counters, cursor.i32(), cursor.u16(), cursor.int8_rest())
