"""Matrix products widen more positions at a time where the arena is large enough, or it pays.

Each strip of positions costs the same once more: every pair of channels fetches its weights again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mcu_slm.costs import predict
from mcu_slm.dsp.convolution import MatrixProduct
from mcu_slm.dsp.price import cycles_per_arena_byte
from mcu_slm.passes.draft import Draft, Step
from mcu_slm.passes.memory import plan_draft
from mcu_slm.passes.target import Target

_STRIPS = (*range(1, 9), 10, 12, 16, 20, 24, 32, 48, 64, 96)
"""Into how many a layer may fall: between these little changes."""


@dataclass(frozen=True)
class _Option:
    """Longer strips for the layer at `place`: cycles saved, and the least memory that it takes."""

    place: int
    step: Step
    saved: float
    least_bytes: int


def lengthen_strips(draft: Draft, target: Target) -> Draft:
    """Return the draft with strips as long as is worth the memory, within what the board has."""
    if target.tuning.goal != "speed":
        return draft
    arena = plan_draft(draft).arena_bytes
    options = [
        _Option(place, longer, _saved_cycles(step, longer), _least_bytes(draft, longer))
        for place, step in enumerate(draft.steps)
        for longer in _longer(step)
    ]
    limit = _best_limit(options, arena, cycles_per_arena_byte(draft.operators))
    if not target.allows(limit):
        limit = arena
    fitting = sorted((x for x in options if x.least_bytes <= limit), key=lambda x: -x.saved)
    first = {option.place: option for option in reversed(fitting)}  # that saves most
    all_at_once = _with(draft, first.values())
    if plan_draft(all_at_once).arena_bytes <= limit:
        return all_at_once
    done = set[int]()
    for option in fitting:
        if option.place not in done:
            trial = _with(draft, [option])
            if plan_draft(trial).arena_bytes <= limit:
                draft = trial
                done.add(option.place)
    return draft


def _with(draft: Draft, options: Iterable[_Option]) -> Draft:
    steps = list(draft.steps)
    for option in options:
        steps[option.place] = option.step
    return draft.with_steps(steps)


def _best_limit(options: Sequence[_Option], arena: int, worth: float) -> int:
    """Return the size of the arena at which its bytes still pay, by the least that layers take."""

    def gain(limit: int) -> float:
        saved: dict[int, float] = {}
        for option in options:
            if option.least_bytes <= limit:
                saved[option.place] = max(saved.get(option.place, 0.0), option.saved)
        return sum(saved.values()) - worth * (limit - arena)

    larger = {option.least_bytes for option in options if option.least_bytes > arena}
    return max([arena, *sorted(larger)], key=gain)


def _longer(step: Step) -> Iterator[Step]:
    """Yield a layer in fewer strips, in the fewest first."""
    layer = step.operator
    if not isinstance(layer, MatrixProduct):
        return
    quads = -(-layer.positions // 4)
    strips = -(-quads // layer.quads_per_strip)
    for fewer in (count for count in _STRIPS if count < strips):
        yield replace(step, operator=replace(layer, quads_per_strip=-(-quads // fewer)))


def _saved_cycles(step: Step, longer: Step) -> float:
    """Return what longer strips save; little, but something, where costs are not known."""
    before, after = predict(step.operator), predict(longer.operator)
    return 1.0 if before is None or after is None else before.cycles - after.cycles


def _least_bytes(draft: Draft, step: Step) -> int:
    """Return what a layer takes at least, its outputs lying where its inputs were."""
    tensors = (draft.graph.tensor(t).byte_count for t in (*step.reads, *step.node.outputs))
    return max(tensors) + step.operator.scratch_bytes
