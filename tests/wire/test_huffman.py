"""The Huffman code of RFC 7541, in both forms; each test is named by its section."""

from types import ModuleType

import pytest
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given
from hypothesis import strategies as st

from tests.twins import forms

each_twin = pytest.mark.parametrize("twin", forms("penstock.wire.huffman"))


def packed(bits: str) -> bytes:
    """Binary digits, as many as fill bytes."""
    assert len(bits) % 8 == 0
    return int(bits or "0", 2).to_bytes(len(bits) // 8, "big")


def code_of(symbol: int) -> str:
    """The code that another implementation has for a byte, or 256 for EOS."""
    return f"{REQUEST_CODES[symbol]:0{REQUEST_CODES_LENGTH[symbol]}b}"


@each_twin
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"),
        (b"no-cache", "a8eb10649cbf"),
        (b"custom-key", "25a849e95ba97d7f"),
        (b"custom-value", "25a849e95bb8e8b4bf"),
        (b"302", "6402"),
        (b"307", "640eff"),
        (b"private", "aec3771a4b"),
        (b"Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"),
        (b"https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"),
        (
            b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ),
        (b"", ""),
    ],
)
def test_c_4_and_c_6_strings(twin: ModuleType, text: bytes, code: str) -> None:
    wire = bytes.fromhex(code)
    assert twin.encode(text) == wire
    assert twin.decode(wire, 0, len(wire)) == text
    assert twin.decode(b"\xff" + wire + b"\x00", 1, 1 + len(wire)) == text


@each_twin
@pytest.mark.parametrize("symbol", range(256))
def test_b_the_code_of_each_byte(twin: ModuleType, symbol: int) -> None:
    """Alone, among others, and at each place within a byte."""
    for before in range(9):
        bits = code_of(ord("0")) * before + code_of(symbol)
        wire = packed(bits + "1" * (-len(bits) % 8))
        text = b"0" * before + bytes((symbol,))
        assert twin.encode(text) == wire
        assert twin.decode(wire, 0, len(wire)) == text


@each_twin
@pytest.mark.parametrize("before", range(8))
def test_5_2_padding_of_more_than_seven_bits_is_an_error(twin: ModuleType, before: int) -> None:
    """H26: whole bytes of ones behind a string, and nothing else."""
    wire = twin.encode(b"0" * before)
    for more in range(1, 5):
        padded = wire + b"\xff" * more
        assert twin.decode(padded, 0, len(padded)) is None


@each_twin
def test_5_2_padding_that_is_not_the_start_of_eos_is_an_error(twin: ModuleType) -> None:
    """H26: strings of one and two bytes, bit by bit as the section says."""
    symbols = {code_of(symbol): symbol for symbol in range(256)}
    refused = 0
    for wire in (bytes((*first, last)) for first in ((), (0x1F,), (0xFF,)) for last in range(256)):
        text, left = [], ""
        for digit in "".join(f"{byte:08b}" for byte in wire):
            left += digit
            if left in symbols:
                text.append(symbols[left])
                left = ""
        right = len(left) < 8 and "0" not in left
        refused += not right
        assert twin.decode(wire, 0, len(wire)) == (bytes(text) if right else None)
    assert 300 < refused < 700


@each_twin
@pytest.mark.parametrize("before", range(9))
def test_5_2_eos_is_an_error_wherever_it_stands(twin: ModuleType, before: int) -> None:
    """H26."""
    for behind in ("", code_of(ord("a"))):
        bits = code_of(ord("0")) * before + code_of(256) + behind
        wire = packed(bits + "1" * (-len(bits) % 8))
        assert twin.decode(wire, 0, len(wire)) is None


@each_twin
def test_5_2_a_code_that_is_cut_off_is_an_error(twin: ModuleType) -> None:
    """H26: unless what is left looks like padding."""
    text = bytes(range(256))
    wire = twin.encode(text)
    found = [twin.decode(wire, 0, end) for end in range(len(wire))]
    assert all(each is None or text.startswith(each) for each in found)
    assert found.count(None) > len(wire) // 2


@each_twin
@pytest.mark.parametrize("long", [b"!", b"\\", b"\xff", b"\n"])
def test_long_codes_at_any_place_among_short_ones(twin: ModuleType, long: bytes) -> None:
    """Codes of 10, 19, 26 and 30 bits, after eight bits for each byte before them."""
    for before in range(24):
        for after in (0, 1, 12):
            text = b"X" * before + long + b"Z" * after
            wire = twin.encode(text)
            assert twin.decode(wire, 0, len(wire)) == text


@each_twin
@pytest.mark.parametrize("size", [639, 640, 641, 1000, 100_000])
def test_texts_of_any_size(twin: ModuleType, size: int) -> None:
    """The shortest codes there are, and the longest."""
    for text in (b"0" * size, b"\n" * size, bytes(range(256)) * (size // 256)):
        wire = twin.encode(text)
        assert twin.decode(wire, 0, len(wire)) == text


@each_twin
@pytest.mark.parametrize(("start", "end"), [(-1, 1), (1, 0), (0, 4), (4, 4), (3, 2)])
def test_a_slice_that_is_not_there_is_refused(twin: ModuleType, start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no code lies there"):
        twin.decode(b"abc", start, end)


@each_twin
@given(text=st.binary(max_size=200), junk=st.binary(max_size=40))
def test_what_is_encoded_is_decoded(twin: ModuleType, text: bytes, junk: bytes) -> None:
    """And what can be decoded is what encoding makes of it: each text has one code."""
    wire = twin.encode(text)
    assert twin.decode(junk + wire + junk, len(junk), len(junk) + len(wire)) == text
    found = twin.decode(junk, 0, len(junk))
    if found is not None:
        assert twin.encode(found) == junk
