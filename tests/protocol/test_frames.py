"""COBS, frames and the decoder, against the standard's examples and a disturbed line."""

from __future__ import annotations

import os
import random
import zlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcu_slm.protocol import (
    Frame,
    FrameDecoder,
    Text,
    cobs_decode,
    cobs_encode,
    encode_frame,
    printable,
)

pytestmark = pytest.mark.unit

# `MCU_SLM_SERIAL_PATTERNS=1000000 pytest tests/protocol` runs the long version.
DAMAGE_PATTERNS = int(os.environ.get("MCU_SLM_SERIAL_PATTERNS", "20000"))
SEED = 20261121


def only_frames(items: list[Frame | Text]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


# Examples of Cheshire and Baker's paper and of Wikipedia's table (without the delimiter).
@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        (b"", b"\x01"),
        (b"\x00", b"\x01\x01"),
        (b"\x00\x00", b"\x01\x01\x01"),
        (b"\x00\x11\x00", b"\x01\x02\x11\x01"),
        (b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33"),
        (b"\x11\x00\x00\x00", b"\x02\x11\x01\x01\x01"),
        (bytes(range(1, 255)), b"\xff" + bytes(range(1, 255))),
        (bytes(range(255)), b"\x01\xff" + bytes(range(1, 255))),
        (bytes(range(1, 256)), b"\xff" + bytes(range(1, 255)) + b"\x02\xff"),
        ((*range(2, 256), 0), b"\xff" + bytes(range(2, 256)) + b"\x01\x01"),
        ((*range(3, 256), 0, 1), b"\xfe" + bytes(range(3, 256)) + b"\x02\x01"),
    ],
)
def test_cobs_gives_the_published_examples(body, encoded):
    assert cobs_encode(bytes(body)) == encoded
    assert cobs_decode(encoded) == bytes(body)


@given(st.lists(st.one_of(st.binary(max_size=20), st.integers(250, 512)), max_size=8))
def test_cobs_round_trips_without_a_zero(parts):
    body = b"\0".join(b"\x07" * part if isinstance(part, int) else part for part in parts)
    encoded = cobs_encode(body)
    assert 0 not in encoded
    assert len(encoded) <= len(body) + len(body) // 254 + 1
    assert cobs_decode(encoded) == body


@given(st.binary(max_size=300))
def test_cobs_decode_takes_any_bytes(noise):
    body = cobs_decode(noise)
    assert body is None or len(body) <= len(noise)


def test_frame_is_laid_out_as_documented():
    body = bytes((0x03, 9)) + b"\x00\x05"
    check = zlib.crc32(body).to_bytes(4, "little")
    assert encode_frame(3, 9, b"\x00\x05") == b"\0" + cobs_encode(body + check) + b"\0"


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=700), st.integers(1, 64))
def test_frames_round_trip_in_pieces_of_any_size(kind, sequence, payload, piece):
    wire = encode_frame(kind, sequence, payload)
    decoder = FrameDecoder()
    items = [i for at in range(0, len(wire), piece) for i in decoder.push(wire[at : at + piece])]
    assert items == [Frame(kind, sequence, payload)]
    assert decoder.pending_bytes == 0


def test_an_input_of_27_kilobytes_passes():
    payload = random.Random(SEED).randbytes(27_648)
    assert FrameDecoder().push(encode_frame(3, 1, payload)) == [Frame(3, 1, payload)]


@given(st.lists(st.binary(max_size=400), max_size=8))
def test_noise_neither_raises_nor_grows(chunks):
    decoder = FrameDecoder(largest_body=64)
    for chunk in chunks:
        decoder.push(chunk)
        assert decoder.pending_bytes <= 66


def test_text_around_frames_comes_out_in_order():
    wire = b"booting\r\n" + encode_frame(1, 1) + b"hello " + b"world" + encode_frame(2, 2) + b"end"
    decoder = FrameDecoder()
    items = decoder.push(wire) + decoder.flush()
    shown = [i.text if isinstance(i, Text) else i.type for i in items]
    assert shown == ["booting\n", 1, "hello world", 2, "end"]


def test_a_frame_longer_than_the_limit_is_text_and_the_next_frame_arrives():
    decoder = FrameDecoder(largest_body=100)
    items = decoder.push(encode_frame(1, 1, bytes(range(1, 200))) + encode_frame(2, 2, b"ok"))
    assert only_frames(items) == [Frame(2, 2, b"ok")]


def test_the_end_of_an_overlong_chunk_is_never_a_frame():
    decoder = FrameDecoder(largest_body=100)
    tail = encode_frame(1, 1, b"inner")[1:]
    items = decoder.push(b"\0" + b"x" * 200) + decoder.push(tail)
    assert only_frames(items) == []


def test_an_endless_line_without_delimiter_keeps_memory_bounded():
    decoder = FrameDecoder(largest_body=1000)
    given_out = 0
    for _ in range(1000):
        given_out += sum(len(i.raw) for i in decoder.push(b"\xff" * 997))
        assert decoder.pending_bytes <= 1005
    assert given_out + decoder.pending_bytes == 997_000


@pytest.mark.parametrize("body", [b"", b"\x01", b"\x01\x02\x03\x04\x05"])
def test_bodies_too_short_for_a_crc_are_text(body):
    items = FrameDecoder().push(b"\0" + cobs_encode(body) + b"\0")
    assert only_frames(items) == []


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]0;new title\x07text", "text"),
        (b"\x1bP1$r\x1b\\after", "after"),
        (b"\x1bc\x1b(Breset", "reset"),
        ("\x9b31mc1".encode(), "c1"),
        (b"a\x08b\x00c\x7f\r\n\td", "abc\n\td"),
        (b"cut \x1b[3", "cut "),
        (b"bad \xff\xfe", "bad \ufffd\ufffd"),
        ("right\u202eleft µ °C".encode(), "rightleft µ °C"),
    ],
)
def test_text_is_safe_to_print(raw, shown):
    assert printable(raw) == shown


@given(st.binary(max_size=200))
def test_no_bytes_print_a_control_character(raw):
    assert all(c.isprintable() or c in "\n\t" for c in printable(raw))


def test_noise_is_told_from_text():
    assert not Text("Temperatur 21 °C\r\n".encode()).is_noise
    assert not Text(b"\x1b[31m!\x1b[0m").is_noise
    assert not Text(b"\x1b[2J").is_noise
    assert Text(bytes(range(0x80, 0xC0))).is_noise
    assert Text(b"ab\x01c").is_noise


# --- a disturbed line ------------------------------------------------------------------------


def flip(rng: random.Random, wire: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 2, 3, 17))):
        wire[rng.randrange(len(wire))] ^= 1 << rng.randrange(8)


def drop(rng: random.Random, wire: bytearray) -> None:
    at = rng.randrange(len(wire))
    del wire[at : at + rng.choice((1, 1, 2, 9))]


def duplicate(rng: random.Random, wire: bytearray) -> None:
    at, count = rng.randrange(len(wire)), rng.choice((1, 1, 2, 9, 60))
    wire[at:at] = wire[at : at + count]


def truncate(rng: random.Random, wire: bytearray) -> None:
    del wire[rng.randrange(len(wire)) :]


def swap(rng: random.Random, wire: bytearray) -> None:
    at = rng.randrange(len(wire))
    piece = wire[at : at + 12]
    wire[at : at + 12] = piece[::-1]


def insert_noise(rng: random.Random, wire: bytearray) -> None:
    at = rng.randrange(len(wire))
    wire[at:at] = rng.randbytes(rng.choice((1, 3, 40)))


def merge(rng: random.Random, wire: bytearray) -> None:
    """Take delimiters away, so that neighbouring frames run into one another."""
    zeros = [i for i, byte in enumerate(wire) if byte == 0]
    for at in sorted(rng.sample(zeros, k=min(len(zeros), 2)), reverse=True):
        del wire[at]


def claim_giant_blocks(rng: random.Random, wire: bytearray) -> None:
    for at, byte in enumerate(wire[:-1]):
        if byte == 0 and wire[at + 1] and rng.random() < 0.5:
            wire[at + 1] = 0xFF


DAMAGES = (flip, drop, duplicate, truncate, swap, insert_noise, merge, claim_giant_blocks)


def random_frame(rng: random.Random) -> Frame:
    length = rng.choice((0, 0, 1, 3, 9, 30, 60, 260))
    payload = rng.randbytes(length) if rng.random() < 0.5 else bytes(length)
    return Frame(rng.choice((1, 3, 0x81, 0x83, 0x40, 0x7F)), rng.randrange(256), payload)


def test_a_disturbed_line_gives_no_wrong_frame_and_recovers_at_once():
    """No damaged frame is taken for a good one, and the first good frame after it arrives."""
    rng = random.Random(SEED)
    applied: Counter[str] = Counter()
    for pattern in range(DAMAGE_PATTERNS):
        sent = [random_frame(rng) for _ in range(rng.randint(1, 3))]
        wire = bytearray(b"".join(encode_frame(f.type, f.sequence, f.payload) for f in sent))
        for damage in rng.choices(DAMAGES, k=rng.choice((1, 1, 2, 3))):
            if wire:
                damage(rng, wire)
                applied[damage.__name__] += 1
        last = Frame(0x55, pattern & 0xFF, b"the first good frame")
        decoder = FrameDecoder()
        items = decoder.push(bytes(wire)) + decoder.push(
            encode_frame(last.type, last.sequence, last.payload)
        )
        frames = only_frames(items)
        assert frames[-1] == last, f"seed {SEED}, pattern {pattern}"
        assert all(f in sent for f in frames[:-1]), f"seed {SEED}, pattern {pattern}"
    assert set(applied) == {damage.__name__ for damage in DAMAGES}
    print(f"{DAMAGE_PATTERNS} patterns, seed {SEED}: {dict(applied)}")


@settings(max_examples=300)
@given(st.binary(min_size=1, max_size=120), st.data())
def test_any_single_bit_flip_is_seen(payload, data):
    wire = bytearray(encode_frame(3, 5, payload))
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert all(f == Frame(3, 5, payload) for f in only_frames(FrameDecoder().push(bytes(wire))))
