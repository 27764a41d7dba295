"""A processor beside the CPU, for machines without a GPU: PyTorch sees a device of its own.

Its tensors lie in the CPU's memory, and its arithmetic is the CPU's, so results must be equal to
the last bit. An operator that is given tensors of both processors fails, as it does on a GPU; only
single numbers and indices may come from the CPU.
"""

from __future__ import annotations

import torch
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

_MAY_COME_FROM_THE_CPU = {
    torch.ops.aten.copy_.default,
    torch.ops.aten._to_copy.default,
    torch.ops.aten.index.Tensor,
}

_setup_privateuseone_for_python_backend("elsewhere")
ELSEWHERE = torch.device("elsewhere", 0)


class Placed(torch.Tensor):
    """A tensor of the second processor; `raw` holds its values."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, raw):
        placed = torch.Tensor._make_wrapper_subclass(
            cls,
            raw.size(),
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            device=ELSEWHERE,
        )
        placed.raw = raw
        return placed

    @classmethod
    def __torch_dispatch__(cls, operator, types, args=(), kwargs=None):
        return _compute(operator, args, kwargs or {})


def _compute(operator, args, kwargs):
    """Run an operator on the CPU; its result belongs to the second processor."""

    def raw(tensor):
        if isinstance(tensor, Placed):
            return tensor.raw
        if tensor.ndim and operator not in _MAY_COME_FROM_THE_CPU:
            raise RuntimeError(f"{operator}: a tensor of {tuple(tensor.shape)} lies on the CPU")
        return tensor

    known = {id(one.raw): one for one in tree_leaves((args, kwargs)) if isinstance(one, Placed)}
    to_cpu = kwargs.get("device") is not None and torch.device(kwargs["device"]).type == "cpu"
    args, kwargs = tree_map_only(torch.Tensor, raw, (args, kwargs))
    if kwargs.get("device") is not None:
        kwargs["device"] = "cpu"
    result = operator(*args, **kwargs)
    if to_cpu:
        return result
    return tree_map_only(
        torch.Tensor, lambda one: known[id(one)] if id(one) in known else Placed(one), result
    )


_library = torch.library.Library("_", "IMPL")
_library.fallback(lambda operator, *args, **kwargs: _compute(operator, args, kwargs), "PrivateUse1")
