"""Tables that nearly follow a rule are stored by their steps and filled before they are wanted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcu_slm.costs import predict
from mcu_slm.dsp.price import cycles_per_byte
from mcu_slm.dsp.stepped_table import VALUES, SteppedTable, Tabled, stepped
from mcu_slm.ir import Node, Tensor
from mcu_slm.passes.draft import Draft, Step
from mcu_slm.passes.memory import plan_draft
from mcu_slm.passes.target import Target


def fill_tables(draft: Draft, target: Target) -> Draft:
    """Return the draft with tables that are filled, where the arena has room for them anyway.

    For speed only where the bytes saved are worth the cycles.
    """
    if target.tuning.goal == "ram":
        return draft
    worth = cycles_per_byte(draft.operators) if target.tuning.goal == "speed" else np.inf
    found = [(step, tables) for step in draft.steps for tables in [_tables(step, worth)] if tables]
    most = plan_draft(draft).arena_bytes
    every = draft
    for step, tables in found:
        every = _filled(every, step, tables)
    if plan_draft(every).arena_bytes <= most:
        return every
    for step, tables in found:
        filled = _filled(draft, step, tables)
        draft = filled if plan_draft(filled).arena_bytes <= most else draft
    return draft


def _tables(step: Step, worth: float) -> dict[str, SteppedTable]:
    """Return the tables of a layer that are worth filling, by suffix."""
    found = {}
    for constant in step.operator.constants():
        table = constant.data
        if constant.is_weight or table.dtype != np.int32 or table.shape != (VALUES,):
            continue
        way = stepped(table)
        cost = None if way is None else predict(way)
        if way is not None and (cost is None or cost.cycles <= worth * way.saved_bytes):
            found[constant.suffix] = way
    return found


def _filled(draft: Draft, reader: Step, tables: dict[str, SteppedTable]) -> Draft:
    """Return the draft in which the tables of a layer are filled before it."""
    place, fillings, inputs = draft.steps.index(reader), list[Step](), list[int]()
    for suffix, table in tables.items():
        name = f"{draft.graph.layer_name(reader.node)}/{suffix}"
        draft, number = draft.with_tensor(Tensor(name, (VALUES,), "int32"))
        fillings.append(Step(Node("FILL_TABLE", (), (number,)), table, reader.source))
        inputs.append(number)
    operator = Tabled(reader.operator, tuple(tables))
    node = replace(reader.node, inputs=(*reader.reads, *inputs))
    readied = replace(reader, node=node, operator=operator)
    return draft.with_steps([*draft.steps[:place], *fillings, readied, *draft.steps[place + 1 :]])
