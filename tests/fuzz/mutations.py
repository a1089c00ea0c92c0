"""Valid inputs, changed by chance: an input is told by its seed and number, and comes again with them.

FUZZ_ROUNDS is the number of inputs for each test, FUZZ_SEED another seed.
"""

import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

#: The longest that one input may take, in seconds of CPU time of the thread, and the most memory of a test in MB.
MOST_S, MOST_MB = 3.0, 400

#: Pieces of JSON.
JSON = [
    *(b"null", b"true", b"[]", b"{}", b"-1", b"1e400", b"NaN", b"1e5", b"-", b'"a"', b"[1,2,3]", b"9" * 5000),
    *(b"[" * 3000, b"[" * 200_000, b'{"a":' * 2000, b'"\\ud800"', b'"\\u0000"', b'"id":', b'"bbox":'),
]

_MOST_BYTES = 1 << 20

_NUMBERS = [b"0", b"-1", b"1e999", b"nan", b"-inf", b"9" * 30, b"0x10", b"1.5", b"2147483648", b"\xd9\xa3"]
_BYTES = [
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x80\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\xef\xbb\xbf",
    b"\n",
    b" ",
]
_TEXTS = [b"\xed\xa0\x80", "ß口罩\u202e".encode(), b"..", b"/", b"%s", b"${HOME}", b"'", b'"', b"x" * 300]


def rounds(usual: int) -> int:
    """Return how many inputs to try."""
    return int(os.environ.get("FUZZ_ROUNDS", usual))


def seed() -> str:
    """Return what the inputs are told by, besides their number."""
    return os.environ.get("FUZZ_SEED", "1")


def mutated(data: bytes, chance: random.Random, tokens: Sequence[bytes] = ()) -> bytes:
    """Return the data with one to eight changes."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        start = chance.randrange(len(changed) + 1)
        end = min(len(changed), start + chance.choice((1, 1, 4, 16, 64, len(changed))))
        piece = bytes(changed[start:end])
        words = (*tokens, *_NUMBERS, *_BYTES, *_TEXTS)
        match chance.randrange(7):
            case 0:
                changed[start:end] = b""
            case 1:
                changed[start:end] = chance.choice(words)
            case 2:
                word, times = chance.choice(words), chance.choice((1, 1, 1, 50, 5000))
                changed[start:start] = word * min(times, 1 + _MOST_BYTES // len(word))
            case 3:
                changed[start:end] = chance.randbytes(len(piece))
            case 4:
                changed[start:start] = piece[:4096] * chance.choice((1, 2, 20))
            case 5:
                other = chance.randrange(len(changed) + 1)
                changed[other:other] = piece
            case _:
                if start < len(changed):
                    changed[start] ^= 1 << chance.randrange(8)
        del changed[_MOST_BYTES:]
    return bytes(changed)


def attack(
    inputs: Sequence[bytes],
    check: Callable[[bytes], object],
    folder: Path,
    usual_rounds: int,
    tokens: Sequence[bytes] = (),
    most_s: float = MOST_S,
) -> None:
    """Give the inputs and changed ones to `check`, which fails by any exception; that input is kept in the folder."""
    for number in range(rounds(usual_rounds)):
        chance = random.Random(f"{seed()} {number}")
        data = inputs[number] if number < len(inputs) else mutated(chance.choice(inputs), chance, tokens)
        started_s = time.thread_time()
        try:
            check(data)
        except BaseException as error:
            kept = folder / f"input-{seed()}-{number}"
            kept.write_bytes(data)
            if not isinstance(error, Exception):
                raise
            pytest.fail(f"{error!r} for the input {number} of seed {seed()}, kept as {kept}")
        taken_s = time.thread_time() - started_s
        assert taken_s < most_s, f"the input {number} of seed {seed()} took {taken_s:.1f} s"
