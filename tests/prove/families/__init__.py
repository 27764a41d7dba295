"""One module per family of operators; `MAKERS` says who adds which operator to a draft.

A maker gets the draft and the operator's name, chooses tensors to read and adds one node whose
every property is legal. A new operator needs one entry in its family's `MAKERS`.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.prove.draft import Draft
from tests.prove.families import (
    boxes,
    elementwise,
    folded,
    images,
    joining,
    logic,
    moving,
    pairs,
    recurrent,
    reducing,
    streams,
    summing,
    types,
    weighted,
)

MAKERS: dict[str, Callable[[Draft, str], None]] = {
    **boxes.MAKERS,
    **elementwise.MAKERS,
    **folded.MAKERS,
    **images.MAKERS,
    **joining.MAKERS,
    **logic.MAKERS,
    **moving.MAKERS,
    **pairs.MAKERS,
    **recurrent.MAKERS,
    **reducing.MAKERS,
    **streams.MAKERS,
    **summing.MAKERS,
    **types.MAKERS,
    **weighted.MAKERS,
}
