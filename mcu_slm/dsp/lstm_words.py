"""The weights of a recurrent layer as its kernels read them, a word for two gates and two inputs.

A half of a word is 256 * a + b, the weights of two gates for one input.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcu_slm.quant import Int64

_BYTE = 256


def driving_words(
    rows: list[npt.NDArray[np.int8]], biases: list[Int64], raised: int, *, by_pairs: bool
) -> npt.NDArray[np.uint32]:
    """Return biases and weights. Shapes: rows: four times [units, depth]; biases: [units].

    `by_pairs`: one pair of gates of all units behind the other.
    """
    sums, words = [], []
    for first in (0, 2):
        begin = [biases[first] * _BYTE + biases[first + 1], biases[first + 1]]
        sums.append((np.stack(begin, axis=1) << raised).astype(np.uint32))
        words.append(_words(rows[first].astype(np.int64) * _BYTE + rows[first + 1]))
    odd = len(sums[0]) % 2
    if by_pairs:
        pairs = [np.concatenate(pair, axis=1) for pair in zip(sums, words, strict=True)]
        return np.stack([np.pad(pair, ((0, odd), (0, 0))) for pair in pairs])
    products = np.stack(words, axis=2).reshape(len(sums[0]), -1)
    return np.pad(np.concatenate([*sums, products], axis=1), ((0, odd), (0, 0)))


def recurrent_words(rows: list[npt.NDArray[np.int8]]) -> npt.NDArray[np.uint32]:
    """Return weights. Shapes: rows: four times [units, units], an even number of them."""
    units = len(rows[0])
    wide = [row.astype(np.int64) for row in rows]
    pairs = [_words(wide[first] * _BYTE + wide[first + 1]) for first in (0, 2)]
    words = np.stack(pairs, axis=1)  # [unit][pair][word]
    blocks = words.reshape(units // 2, 2, 2, units // 2)
    return np.ascontiguousarray(blocks.transpose(0, 3, 1, 2))


def _words(halves: Int64) -> npt.NDArray[np.uint32]:
    words: npt.NDArray[np.uint32] = np.ascontiguousarray(halves.astype(np.int16)).view(np.uint32)
    return words


def has_too_large_halves(rows: list[npt.NDArray[np.int8]]) -> bool:
    """Whether some 256 * a + b does not fit 16 bits: a = -128 beside a negative b."""
    return any(bool(((rows[a] == -128) & (rows[a + 1] < 0)).any()) for a in (0, 2))
