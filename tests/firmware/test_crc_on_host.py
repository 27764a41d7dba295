"""The CRC-32 over weights and frames, compiled for this machine: the same C file as there."""

from __future__ import annotations

import ctypes
import random
import zlib
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, toolchain
from mcu_slm.compile import constants
from mcu_slm.firmware import templates
from mcu_slm.firmware.contexts import Subject

pytestmark = pytest.mark.host
HARNESS = Path(__file__).parent / "host" / "crc_flips.c"
BLOCK_BYTES = 65_536


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("crc")
    subject = Subject(boards.load_board("nucleo_f446re"), "demo", "ab" * 32, ("model.c",))
    for kind in "hc":
        template = f"common/mcu_slm/crc32.{kind}.j2"
        (folder / f"crc32.{kind}").write_text(templates.render(template, subject).text)
    (folder / HARNESS.name).write_text(HARNESS.read_text())
    sources = [folder / "crc32.c", folder / HARNESS.name]
    flags = ("-O2", *toolchain.WARNING_FLAGS)
    built = ctypes.CDLL(
        str(toolchain.build_host_library(sources, folder, folder / "build", flags=flags))
    )
    for name in ("flips_unseen", "change_by_flip", "crc_of"):
        getattr(built, name).restype = ctypes.c_uint32
    return built


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 255, 65_537])
def test_it_is_the_crc_of_zlib(library, count: int) -> None:
    data = random.Random(count).randbytes(count)
    assert library.crc_of(data, count) == zlib.crc32(data)


def test_every_flipped_bit_of_a_block_of_64_kib_is_seen(library) -> None:
    assert library.flips_unseen(BLOCK_BYTES) == 0


def test_the_change_by_a_flip_is_what_computing_in_full_gives(library) -> None:
    chance = random.Random(7)
    block = bytearray(chance.randbytes(BLOCK_BYTES))
    whole = zlib.crc32(block)
    ends = [(0, 0), (0, 7), (BLOCK_BYTES - 1, 0), (BLOCK_BYTES - 1, 7)]
    drawn = [(chance.randrange(BLOCK_BYTES), chance.randrange(8)) for _ in range(60)]
    for byte, bit in ends + drawn:
        block[byte] ^= 1 << bit
        changed = library.crc_of(bytes(block), BLOCK_BYTES)
        assert changed == zlib.crc32(block)
        assert changed ^ whole == library.change_by_flip(BLOCK_BYTES, byte, bit) != 0
        block[byte] ^= 1 << bit


def test_constants_of_all_types_count_as_they_lie_in_flash() -> None:
    class Named:
        def __init__(self, symbol: str, data: np.ndarray) -> None:
            self.symbol, self.data = symbol, data

    arrays = [
        Named("a", np.array([1, -2], np.int8)),
        Named("b", np.array([[0x01020304]], ">i4")),
        Named("c", np.array([1.5], np.float32)),
        Named("d", np.array([True, False])),
    ]
    raw = b"\x01\xfe" + b"\x04\x03\x02\x01" + b"\x00\x00\xc0\x3f" + b"\x01\x00"
    assert constants.crc32(arrays) == zlib.crc32(raw)
    text = "\n".join(constants.definition(arrays))
    assert "{b, 4}," in text
    assert f"= 0x{zlib.crc32(raw):08X}U;" in text
    assert "ARRAYS 0" in "\n".join(constants.declaration([]))
    assert constants.definition([]) == [
        "const uint32_t mcu_slm_model_constants_crc32 = 0x00000000U;",
        "",
    ]
