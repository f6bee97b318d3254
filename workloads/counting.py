"""Counting operators while they run: floating-point operations, and bytes between processor and memory.

FLOPs are those of matrix products, convolutions and attention, by PyTorch's own formulas, a multiply-add being two.
Bytes are counted in two ways. *Unfused*: each reads its inputs from memory and writes its outputs to it, as if
nothing were fused and no cache held anything. *Least*: what was there before is read once, what was there before and is
changed is written once, and everything in between stays in caches without limit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, shape_wrapper

from workloads.complexity import CPU_ATTENTION

_aten = torch.ops.aten

_ALLOCATING = frozenset(
    {_aten.empty, _aten.empty_like, _aten.empty_strided, _aten.new_empty, _aten.new_empty_strided, _aten.empty_permuted}
)
"""Their output is memory that nobody has touched."""
_OVERWRITING = frozenset(
    {_aten.copy_, _aten.fill_, _aten.zero_, _aten.normal_, _aten.uniform_, _aten.random_, _aten.bernoulli_}
)
"""They change a tensor without reading it."""
_GATHERING = frozenset({_aten.embedding, _aten.index_select, _aten.index, _aten.gather})
"""They read of their first input no more than they put out."""


_FLOPS: Mapping[Any, Any] = flop_registry | {
    operator: shape_wrapper(formula) for operator, formula in CPU_ATTENTION.items()
}


@dataclass(frozen=True, slots=True)
class _Operand:
    tensor: Tensor
    read: bool
    written: bool


class CostCounter(TorchDispatchMode):
    """Adds up what every operator run inside computes and moves. Keeps no tensor alive.

    An operator that touches part of a tensor counts for all of it, but for gathers. What one operator moves within
    itself (workspaces, partial sums, a second pass over its input) is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0
        self.unfused_bytes = 0
        """Traffic if nothing is fused and caches hold nothing."""
        self._made: set[int] = set()
        self._read: dict[int, int] = {}
        self._written: dict[int, int] = {}

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - an operator
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run the operator and count it; a composite one is taken apart, as FlopCounterMode does."""
        given = kwargs or {}
        if func.overloadpacket not in _FLOPS:
            with self:
                whole = func.decompose(*args, **given)
            if whole is not NotImplemented:
                return whole
        out = func(*args, **given)
        self.flops += _flops(func.overloadpacket, args, given, out)
        self._count(func.overloadpacket, list(_operands(func, args, given)), list(_tensors(out)))
        return out

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep PyTorch from importing its compiler for this class, 75 MiB that would show in the run's memory."""
        return False

    def least_bytes(self, result: object) -> int:
        """Return what has to be moved at least, ``result`` (what the step returned) being written to memory."""
        returned = {_storage(tensor): _touched(tensor) for tensor in _tensors(result)}
        new = sum(size for storage, size in returned.items() if storage in self._made)
        return sum(self._read.values()) + sum(self._written.values()) + new

    def _count(self, operator: Any, operands: list[_Operand], outputs: list[Tensor]) -> None:  # noqa: ANN401
        known = {_storage(operand.tensor) for operand in operands}
        made = [tensor for tensor in outputs if _storage(tensor) not in known]
        self._made |= {_storage(tensor) for tensor in made}
        written = [operand.tensor for operand in operands if operand.written]
        if operator in _ALLOCATING or (outputs and not made and not written):
            return  # memory that nobody touches, or another view of what is there
        blind = operator in _OVERWRITING
        read = _distinct(one.tensor for one in operands if one.read and not (one.written and blind))
        sizes = _gathered(read, made) if operator in _GATHERING else [_touched(tensor) for tensor in read]
        self.unfused_bytes += sum(sizes) + sum(map(_touched, _distinct([*made, *written])))
        for tensor, size in zip(read, sizes, strict=True):
            if _storage(tensor) not in self._written:
                self._note(self._read, tensor, size)
        for tensor in written:
            self._note(self._written, tensor, _touched(tensor))

    def _note(self, noted: dict[int, int], tensor: Tensor, size: int) -> None:
        """Keep the largest part of a storage that was touched, unless the storage was made in here."""
        if (storage := _storage(tensor)) not in self._made:
            noted[storage] = max(size, noted.get(storage, 0))


def _flops(operator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: object) -> int:  # noqa: ANN401
    return int(_FLOPS[operator](*args, **kwargs, out_val=out)) if operator in _FLOPS else 0


def _operands(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[_Operand]:  # noqa: ANN401
    """Yield every tensor that an operator is given, with what its schema says becomes of it."""
    positional = [argument for argument in func._schema.arguments if not argument.kwarg_only]
    named = {argument.name: argument for argument in func._schema.arguments}
    given = [*zip(positional, args, strict=False), *((named[name], value) for name, value in kwargs.items())]
    for argument, value in given:
        written = argument.alias_info is not None and argument.alias_info.is_write
        for tensor in _tensors(value):
            yield _Operand(tensor, read=not argument.is_out, written=written)


def _tensors(value: object) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor))


def _distinct(tensors: Iterable[Tensor]) -> list[Tensor]:
    seen = {(_storage(t), t.storage_offset(), t.shape, t.stride()): t for t in tensors}
    return list(seen.values())


def _gathered(read: list[Tensor], made: list[Tensor]) -> list[int]:
    return [sum(map(_touched, made)), *map(_touched, read[1:])]


def _touched(tensor: Tensor) -> int:
    """Return the bytes behind a tensor; an element that a broadcast repeats counts once."""
    sides = (size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride or not size)
    elements = 1
    for size in sides:
        elements *= size
    return min(elements * tensor.element_size(), tensor.untyped_storage().nbytes())


def _storage(tensor: Tensor) -> int:
    """Return what tells storages apart as long as they live."""
    address: int = tensor.untyped_storage()._cdata
    return address
