"""The arithmetic of the kernels' headers against NumPy, as wide and as narrow cores do it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from mcu_slm import quant
from mcu_slm.ops.fixed_point import one_over_one_plus_x
from mcu_slm.ops.rescale import short_form
from mcu_slm.quant import INT32_MAX, INT32_MIN, Int64, Multiplier
from tests.kernels.test_kernels import KERNELS, needs_gcc

pytestmark = pytest.mark.host

SOURCE = """\
#include "fixed_point.h"

#define EACH(name, expression) \\
    void name(int32_t n, const int32_t *a, const int32_t *b, const int32_t *c, int32_t *y) \\
    { for (int32_t i = 0; i < n; i++) { y[i] = (int32_t)(expression); } (void)b; (void)c; }

EACH(doubling_high_mul, mcu_slm_doubling_high_mul(a[i], b[i]))
EACH(high_mul_add, mcu_slm_high_mul_add(c[i], a[i], b[i]))
EACH(high_mul_add_unsigned,
     mcu_slm_high_mul_add_unsigned((uint32_t)c[i], (uint32_t)a[i], (uint32_t)b[i]))
EACH(reciprocal, mcu_slm_one_over_one_plus_x(a[i]))
EACH(leading_zeros, mcu_slm_leading_zeros((uint32_t)a[i]))
EACH(shift_right, mcu_slm_rounding_shift_right(a[i], b[i]))
EACH(requantize, mcu_slm_requantize(a[i], b[i], c[i]))
EACH(scale_down, mcu_slm_scale_down(a[i], b[i], c[2 * i], c[2 * i + 1]))
"""


@pytest.fixture(scope="module", params=["", "-D__ARM_ARCH_6M__=1"], ids=["wide", "narrow"])
def library(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ctypes.CDLL:
    """The functions, compiled with and without a multiplier that gives 64 bits."""
    if shutil.which("gcc") is None:
        pytest.skip("skipped: no gcc")
    folder = tmp_path_factory.mktemp("arithmetic")
    (folder / "all.c").write_text(SOURCE)
    flags = ["-std=c11", "-O1", "-fPIC", "-shared", "-fsanitize=undefined", "-static-libubsan"]
    trap = ["-fsanitize-undefined-trap-on-error", f"-I{KERNELS}", *filter(None, [request.param])]
    command = ["gcc", *flags, *trap, "all.c", "-o", "all.so"]
    subprocess.run(command, cwd=folder, check=True)
    return ctypes.CDLL(str(folder / "all.so"))


def called(library: ctypes.CDLL, name: str, a: Int64, b: Int64, c: Int64) -> Int64:
    arrays = [np.ascontiguousarray(values, np.int32) for values in (a, b, c)]
    y = np.empty(len(a), np.int32)
    pointers = [values.ctypes.data_as(ctypes.c_void_p) for values in (*arrays, y)]
    getattr(library, name)(len(a), *pointers)
    return y.astype(np.int64)


def any_int32(count: int, seed: int) -> Int64:
    """Return numbers of all sizes: the ends, powers of two and their neighbours, and others."""
    rng = np.random.default_rng(seed)
    powers = 1 << rng.integers(0, 31, count)
    near = rng.choice([-1, 1], count) * powers + rng.integers(-1, 2, count)
    values = np.where(rng.random(count) < 0.5, near, rng.integers(INT32_MIN, INT32_MAX, count))
    values[:3] = (INT32_MIN, INT32_MAX, 0)
    return np.clip(values, INT32_MIN, INT32_MAX).astype(np.int64)


def test_products(library: ctypes.CDLL) -> None:
    a, b = any_int32(200_000, 1), any_int32(200_000, 2)
    either = (a != INT32_MIN) | (b != INT32_MIN)  # -1 squared does not fit
    a, b = a[either], b[either]
    c = any_int32(len(a), 3) >> 3
    found = called(library, "doubling_high_mul", a, b, c)
    np.testing.assert_array_equal(found, quant.doubling_high_mul(a, b))
    found = called(library, "high_mul_add", a, b, c)
    np.testing.assert_array_equal(found, c + ((a * b + (1 << 31)) >> 32))


def test_shifts_round_ties_away_from_zero(library: ctypes.CDLL) -> None:
    value, exponent = any_int32(200_000, 9), np.random.default_rng(10).integers(1, 32, 200_000)
    ties = (1 << (exponent - 1)) * np.random.default_rng(11).integers(-9, 10, len(value))
    value[::2] = ties[::2]
    value = np.clip(value, INT32_MIN + 1, INT32_MAX)
    found = called(library, "shift_right", value, exponent, exponent)
    np.testing.assert_array_equal(found, quant.rounding_shift_right(value, exponent))


def test_requantisation(library: ctypes.CDLL) -> None:
    rng = np.random.default_rng(12)
    multiplier, shift = rng.integers(1 << 30, 1 << 31, 200_000), rng.integers(-31, 8, 200_000)
    value = any_int32(len(shift), 13) >> np.maximum(shift, 0)
    found = called(library, "requantize", value, multiplier, shift)
    np.testing.assert_array_equal(found, quant.requantize(value, multiplier, shift))


def test_unsigned_products(library: ctypes.CDLL) -> None:
    a, b, c = (any_int32(100_000, seed) for seed in (4, 5, 6))
    products = (a & 0xFFFF_FFFF).astype(np.uint64) * (b & 0xFFFF_FFFF).astype(np.uint64)
    rounded = (products >> np.uint64(32)) + ((products >> np.uint64(31)) & np.uint64(1))
    expected = quant.wrap_int32(c + rounded.astype(np.int64))
    np.testing.assert_array_equal(called(library, "high_mul_add_unsigned", a, b, c), expected)


def test_reciprocals(library: ctypes.CDLL) -> None:
    x = np.concatenate([np.arange(0, 1 << 31, 104_729), [0, 1, 2, INT32_MAX - 1, INT32_MAX]])
    found = called(library, "reciprocal", x, x, x)
    np.testing.assert_array_equal(found, one_over_one_plus_x(x))


def test_leading_zeros(library: ctypes.CDLL) -> None:
    powers = 1 << np.arange(32)
    value = np.concatenate([powers, powers[1:] - 1, powers[1:] + 1]) & 0xFFFF_FFFF
    expected = [32 - int(v).bit_length() for v in value]
    signed = quant.wrap_int32(value)
    assert called(library, "leading_zeros", signed, signed, signed).tolist() == expected


@needs_gcc
@pytest.mark.parametrize("right_shift", [1, 2, 7, 15, 22])
def test_scaling_down_is_requantisation(library: ctypes.CDLL, right_shift: int) -> None:
    rng = np.random.default_rng(right_shift)
    value = any_int32(100_000, 8) >> 2
    halves = (rng.integers(-300, 300, 50_000) << right_shift) + (1 << (right_shift - 1))
    # Ties, where the multiplier is a half.
    value[:50_000] = np.clip(halves, INT32_MIN >> 2, INT32_MAX >> 2)
    multiplier = np.where(
        rng.random(len(value)) < 0.5, 1 << 30, rng.integers(1 << 30, 1 << 31, len(value))
    )
    for zero_point in (-128, 5, 127):
        form = short_form(Multiplier(1 << 30, -right_shift), zero_point)
        pairs = np.tile([form["addend"], form["right_shift"]], len(value)).astype(np.int64)
        expected = quant.requantize(value, multiplier, -right_shift) + zero_point
        found = called(library, "scale_down", 2 * value, multiplier, pairs)
        np.testing.assert_array_equal(found, expected)
