"""Layers that differ little share kernels, where that costs less than its code is worth.

Layers that differ in their last shift only get one shift. A smaller shift keeps fewer bits of the
multipliers, so every change is proved anew; layers whose proof fails keep a kernel of their own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations, product
from operator import or_
from typing import TypeAlias

from mcu_slm.costs import predict
from mcu_slm.dsp.convolution import MatrixProduct
from mcu_slm.dsp.depthwise import Depthwise
from mcu_slm.dsp.gemm import (
    ENTRY_BYTES,
    PAIR_BYTES,
    WRAPPER_BYTES,
    Sharing,
    fixed_stride,
    may_stream,
)
from mcu_slm.dsp.price import cycles_per_byte
from mcu_slm.dsp.rows import RowProducts
from mcu_slm.dsp.winograd_layer import WinogradLayer
from mcu_slm.dsp.winograd_strips import LARGE
from mcu_slm.ops.base import Operator

Shifted: TypeAlias = MatrixProduct | RowProducts | Depthwise
"""Layers whose kernels are made for a last shift."""

Kind: TypeAlias = tuple[int, str]
"""Depth and form of a matrix layer."""
Kinds: TypeAlias = tuple[Kind, ...]

_SHIFT = re.compile(r"_(short|signed|extra|direct)_\d+")
_RESTS = re.compile(r"(_one)?(_few)?(_lone)?(_by\d+)?$")
_MOST_KINDS = 8
_MOST_PROOFS = 3

TILES_BYTES, STRIPS_BYTES = 1200, 700
"""Code of Winograd's kernels that make outputs, and of those that walk through strips."""

BLOCKS_BYTES = 850
"""Code of `dsp_gemv`, about."""


def share_kernels(
    operators: Sequence[Operator], *, dual_issue: bool = False
) -> tuple[Operator, ...]:
    """Return the layers with as few different kernels as the proofs and the price allow.

    With `dual_issue` no kernel has a loop that shallower layers enter: the order of its
    instructions is another one then. And no products of a row go panel by panel: there inputs come
    from memory without taking time.
    """
    found = list(operators)
    worth = cycles_per_byte(found)
    _share_rests(found)
    if dual_issue:
        found = [x.without_panels() if isinstance(x, RowProducts) else x for x in found]
    else:
        _share_depths(found, worth)
        _stream_weights(found, worth)
    _share_tiles(found, worth)
    _share_chunks(found)
    _share_shifts(found)
    _join_blocks(found, worth)
    _leave_blocks(found, worth)
    _share_rests(found)
    _rescale_directly(found)
    return tuple(found)


def _share_shifts(found: list[Operator]) -> None:
    """Give layers with equal kernels but for the last shift the least of their shifts."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, operator in enumerate(found):
        if isinstance(operator, Shifted) and operator.generated:
            groups[_SHIFT.sub(r"_\1", _without_rests(operator))].append(number)
    for numbers in groups.values():
        layers = [layer for number in numbers if isinstance(layer := found[number], Shifted)]
        least = min(layer.shift for layer in layers)
        for number, layer in zip(numbers, layers, strict=True):
            if layer.shift != least:
                found[number] = layer.with_shift(least) or layer


def _share_rests(found: list[Operator]) -> None:
    """Let a kernel do what some layer has beyond whole quads and pairs for all that call it."""
    for group in _by_kernel(found).values():
        room = next(iter(group.values())).sharing.room
        for number, layer in _for_all(group, room).items():
            found[number] = layer


def _by_kernel(found: Sequence[Operator]) -> dict[str, dict[int, MatrixProduct]]:
    """Return matrix products by the kernel that they have but for rests and strides."""
    groups: defaultdict[str, dict[int, MatrixProduct]] = defaultdict(dict)
    for number, layer in enumerate(found):
        if isinstance(layer, MatrixProduct):
            groups[_without_rests(layer)][number] = layer
    return groups


def _for_all(group: Mapping[int, MatrixProduct], room: int) -> dict[int, MatrixProduct]:
    """Return layers with a kernel that does what each of them needs."""
    rests = reduce(or_, [layer.rests for layer in group.values()])
    stride = fixed_stride((layer.matrix.channels for layer in group.values()), rests)
    sharing = Sharing(room, rests, stride)
    return {number: replace(layer, sharing=sharing) for number, layer in group.items()}


def _rescale_directly(found: list[Operator]) -> None:
    """Let the layers of a kernel rescale the sums of second channels as they are, if all can."""
    groups: defaultdict[str, dict[int, MatrixProduct]] = defaultdict(dict)
    for number, layer in enumerate(found):
        if isinstance(layer, MatrixProduct) and layer.matrix.form == "short":
            groups[layer.generated[0].name][number] = layer
    for group in groups.values():
        way = _directly(group)
        found[:] = [way.get(number, operator) for number, operator in enumerate(found)]


def _directly(group: Mapping[int, MatrixProduct]) -> dict[int, MatrixProduct]:
    """Return the layers of a group so, none if that is not proved for one."""
    way = {}
    for number, layer in group.items():
        matrix = layer.matrix.with_direct()
        if matrix is None:
            return {}
        way[number] = replace(layer, matrix=matrix)
    return way


def _without_rests(layer: Shifted) -> str:
    return _RESTS.sub("", layer.generated[0].name)


def _share_depths(found: list[Operator], worth: float) -> None:
    """Let layers of several depths enter the loop of one kernel, which is that of the deepest.

    One that takes no correction of negative sums can have it nevertheless, and share a kernel.
    """
    groups: defaultdict[bool, dict[int, MatrixProduct]] = defaultdict(dict)
    for number, layer in enumerate(found):
        if isinstance(layer, MatrixProduct) and _may_enter(layer):
            groups[layer.matrix.is_clamped][number] = layer
    for group in groups.values():
        way = _best(group, worth)
        while way:
            for number, layer in way.items():
                found[number] = layer
            served = {_kind(group[number]) for number in way}
            for number in [n for n, layer in group.items() if _kind(layer) in served]:
                del group[number]
            way = _best(group, worth)


def _best(group: Mapping[int, MatrixProduct], worth: float) -> dict[int, MatrixProduct]:
    """Return layers of a group as they share a kernel with most gain, none if there is no gain."""
    ways = [way for kinds in _promising(group, worth) for way in [_entering(group, kinds)] if way]
    gains = [(_gain(group, way, worth), way) for way in ways]
    gain, best = max(gains, key=lambda pair: pair[0], default=(0.0, {}))
    return best if gain > 0 else {}


def _may_enter(layer: MatrixProduct) -> bool:
    text = layer.generated[0].values
    return text.chunks == 0 and layer.matrix.form != "extra"


def _kind(layer: MatrixProduct) -> Kind:
    return layer.matrix.depth, layer.matrix.form


def _promising(group: Mapping[int, MatrixProduct], worth: float) -> list[Kinds]:
    """Return sets of kinds whose layers gain most if they share a kernel, before any proof."""
    kinds = sorted({_kind(layer) for layer in group.values()})[-_MOST_KINDS:]
    chosen = [way for count in range(2, len(kinds) + 1) for way in combinations(kinds, count)]
    more = {
        (kind, entered, form): sum(
            _more_cycles({0: layer}, {0: layer.pretending(form, entered)})
            for layer in group.values()
            if _kind(layer) == kind
        )
        for kind, entered, form in product(kinds, (False, True), ("short", "signed"))
    }

    def gain(way: Kinds) -> float:
        entered, form = len({depth for depth, _ in way}) > 1, _common_form(f for _, f in way)
        return _saved_bytes(way) * worth - sum(more[kind, entered, form] for kind in way)

    best = sorted(chosen, key=gain, reverse=True)[:_MOST_PROOFS]
    return [way for way in best if not worth or gain(way) > 0]


def _entering(group: Mapping[int, MatrixProduct], kinds: Kinds) -> dict[int, MatrixProduct] | None:
    """Return the layers of some kinds with one kernel; None where the proofs leave one kind."""
    layers = {n: layer for n, layer in group.items() if _kind(layer) in kinds}
    shift = min(layer.shift for layer in layers.values())
    form = _common_form(form for _, form in kinds)
    same = {
        n: changed
        for n, layer in layers.items()
        for changed in [layer if _is(layer, shift, form) else layer.with_shift(shift, form)]
        if changed is not None
    }
    if len({_kind(group[number]) for number in same}) <= 1:
        return None
    depths = {layer.matrix.depth for layer in same.values()}
    room = max(depths) // 2 if len(depths) > 1 else 0
    return _for_all(same, room)


def _is(layer: MatrixProduct, shift: int, form: str) -> bool:
    return (layer.shift, layer.matrix.form) == (shift, form)


def _gain(
    group: Mapping[int, MatrixProduct], way: Mapping[int, MatrixProduct], worth: float
) -> float:
    """Return what the bytes saved are worth less the cycles that they cost."""
    saved = _saved_bytes(tuple({_kind(group[number]) for number in way}))
    return saved * worth - _more_cycles(group, way) if worth else float(saved)


def _saved_bytes(kinds: Kinds) -> int:
    """Return the code saved where layers of some kinds share a kernel."""
    depths = [depth for depth, _ in kinds]
    entry = ENTRY_BYTES if len(set(depths)) > 1 else 0
    apart = sum(WRAPPER_BYTES + PAIR_BYTES * depth // 2 for depth in depths)
    return apart - WRAPPER_BYTES - (PAIR_BYTES + entry) * max(depths) // 2


def _more_cycles(before: Mapping[int, Operator], after: Mapping[int, Operator]) -> float:
    """Return what some layers take more than before, by what is known."""
    more = 0.0
    for number, layer in after.items():
        old, new = predict(before[number]), predict(layer)
        if old is not None and new is not None:
            more += new.cycles - old.cycles
    return more


def _stream_weights(found: list[Operator], worth: float) -> None:
    """Let kernels keep some weights in registers where that is worth code for all inputs."""
    for group in _by_kernel(found).values():
        depths = {layer.matrix.depth // 2 for layer in group.values()}
        for pairs in filter(may_stream, depths):
            way = {
                number: replace(layer, streams=True)
                for number, layer in group.items()
                if layer.matrix.depth // 2 == pairs
            }
            kept = next(iter(group.values())).generated[0].values.chunk_pairs
            more = WRAPPER_BYTES + PAIR_BYTES * pairs
            if len(way) == len(group):  # nobody is left who needs the loop
                more = PAIR_BYTES * (pairs - kept)
            if worth and -_more_cycles(group, way) > more * worth:
                found[:] = [way.get(number, operator) for number, operator in enumerate(found)]


def _share_tiles(found: list[Operator], worth: float) -> None:
    """Let layers by Winograd's method make their outputs by one kernel."""
    groups: defaultdict[tuple[int, bool], dict[int, WinogradLayer]] = defaultdict(dict)
    for number, layer in enumerate(found):
        if isinstance(layer, WinogradLayer) and layer.matrix.form != "extra":
            groups[layer.side, layer.matrix.is_clamped][number] = layer
    for group in groups.values():
        forms = {layer.matrix.form for layer in group.values()}
        for chosen in (*({form} for form in sorted(forms)), forms):
            layers = {n: layer for n, layer in group.items() if layer.matrix.form in chosen}
            _share_form(found, layers, worth)


def _share_chunks(found: list[Operator]) -> None:
    """Let layers of one chunk of input channels and of several share the walk through strips."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for number, layer in enumerate(found):
        if isinstance(layer, WinogradLayer) and layer.side == LARGE:
            groups[layer.generated[-1].name.replace("_more", "")].append(number)
    for numbers in groups.values():
        layers = [layer for n in numbers if isinstance(layer := found[n], WinogradLayer)]
        shares_more = any(layer.chunks > 1 for layer in layers)
        for number, layer in zip(numbers, layers, strict=True):
            found[number] = replace(layer, shares_more=shares_more)


def _share_form(found: list[Operator], layers: Iterable[int], worth: float) -> None:
    """Give layers one form and shift where that is proved and worth it."""
    now = {n: layer for n in layers if isinstance(layer := found[n], WinogradLayer)}
    shift = min(layer.matrix.shift for layer in now.values())
    form = _common_form(layer.matrix.form for layer in now.values())
    then = {n: layer.with_shift(shift, form) or layer for n, layer in now.items()}
    saved = _tile_bytes(now.values()) - _tile_bytes(then.values())
    if saved > 0 and (not worth or saved * worth > _more_cycles(now, then)):
        found[:] = [then.get(number, operator) for number, operator in enumerate(found)]


def _tile_bytes(layers: Iterable[WinogradLayer]) -> int:
    """Return about what the kernels of tiles and of strips take."""
    names = {kernel.name for layer in layers for kernel in layer.generated[-2:]}
    return sum(TILES_BYTES if "_tiles_" in name else STRIPS_BYTES for name in names)


def _join_blocks(found: list[Operator], worth: float) -> None:
    """Let layers of few rows take the kernel of another one's blocks instead of their own."""
    layers = {n: x for n, x in enumerate(found) if isinstance(x, RowProducts) and x.generated}
    hosts = {layer.generated[0].name: layer for layer in layers.values()}
    for number, layer in layers.items():
        ways = [way for host in hosts.values() for way in [layer.joining(host)] if way]
        costs = [_more_cycles({0: layer}, {0: way}) for way in ways]
        more, best = min(
            zip(costs, ways, strict=True), key=lambda pair: pair[0], default=(0.0, None)
        )
        if best is not None and more < BLOCKS_BYTES * worth:
            found[number] = best


def _leave_blocks(found: list[Operator], worth: float) -> None:
    """Let layers of few rows do without the kernel for blocks of channels where they are small."""
    groups: defaultdict[str, dict[int, RowProducts]] = defaultdict(dict)
    for number, layer in enumerate(found):
        if isinstance(layer, RowProducts) and layer.generated:
            groups[layer.generated[0].name][number] = layer
    for group in groups.values():
        way = {number: replace(layer, in_pairs=True) for number, layer in group.items()}
        if _more_cycles(group, way) < BLOCKS_BYTES * worth:
            for number, layer in way.items():
                found[number] = layer


def _common_form(forms: Iterable[str]) -> str:
    return "signed" if "signed" in set(forms) else "short"
