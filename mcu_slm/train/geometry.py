"""How a window is cut into patches, and the patches into attention windows.

A network on a microcontroller cannot pad or crop for free, so the patch convolution has to give a
number of tokens that the attention windows divide exactly. `choose_patching` finds such a geometry
close to the wished one.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.errors import ConfigError

MIN_TOKENS = 2


@dataclass(frozen=True)
class Patching:
    """The strided convolution that makes tokens, and the width of the attention windows.

    With padding "SAME" the outer patches reach into zeros; with "VALID" samples behind the last
    whole patch are ignored.
    """

    kernel: int
    stride: int
    padding: str
    tokens: int
    attention_window: int


@dataclass(frozen=True)
class Sliding:
    """How a convolution moves over its input, in samples; padding as in TensorFlow."""

    stride: int = 1
    padding: str = "SAME"
    dilation: int = 1

    def reach(self, kernel: int) -> int:
        """Return the samples from the first to the last tap."""
        return (kernel - 1) * self.dilation + 1

    def tokens(self, samples: int, kernel: int) -> int:
        """Return the number of outputs."""
        return token_count(samples, self.reach(kernel), self.stride, self.padding)

    def around(self, samples: int, kernel: int) -> tuple[int, int]:
        """Return the zeros before and after the input."""
        if self.padding == "VALID":
            return 0, 0
        return same_padding(samples, self.reach(kernel), self.stride)


def token_count(window: int, kernel: int, stride: int, padding: str) -> int:
    """Return the number of outputs of a strided convolution, as TensorFlow counts them."""
    if padding == "SAME":
        return -(-window // stride)
    return max((window - kernel) // stride + 1, 0)


def same_padding(window: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after a window that TensorFlow's SAME padding adds."""
    tokens = token_count(window, kernel, stride, "SAME")
    total = max((tokens - 1) * stride + kernel - window, 0)
    return total // 2, total - total // 2


def choose_patching(window: int, kernel: int, stride: int, attention_window: int) -> Patching:
    """Return the geometry nearest to the wished one whose tokens fill whole attention windows.

    First choice is the wished kernel with SAME padding, then with VALID padding, where the
    attention window may shrink to a divisor of the token count, but not below half of the wish. If
    neither works, the kernel grows one stride at a time, which takes one token away each time,
    until the attention window divides the token count.

    Units: window, kernel and stride in samples, attention_window in tokens.

    Raises:
        ConfigError: The window is too short for two tokens.
    """
    if min(window, kernel, stride, attention_window) < 1:
        raise ConfigError(
            "[model] patch",
            f"window {window}, patch {kernel}, stride {stride}, attention {attention_window}",
            "numbers of at least 1",
        )
    candidates = [(kernel, "SAME"), (kernel, "VALID")]
    candidates += [(k, "VALID") for k in range(kernel + stride, window + 1, stride)]
    for size, padding in candidates:
        tokens = token_count(window, size, stride, padding)
        if tokens < MIN_TOKENS or size > window:
            continue
        width = largest_divisor(tokens, attention_window)
        if 2 * width >= min(attention_window, tokens):
            return Patching(size, stride, padding, tokens, width)
    tokens = token_count(window, kernel, stride, "SAME")
    if tokens >= MIN_TOKENS and kernel <= window:
        return Patching(kernel, stride, "SAME", tokens, tokens)
    raise ConfigError(
        "[model] patch",
        f"a window of {window} samples gives fewer than {MIN_TOKENS} tokens "
        f"with patches of {kernel} every {stride} samples",
        "at least two patches in a window",
        "Use longer windows, or a smaller patch and stride.",
        window=window,
    )


def largest_divisor(number: int, limit: int) -> int:
    """Return the largest divisor of `number` that is at most `limit`."""
    return next(d for d in range(min(limit, number), 0, -1) if number % d == 0)
