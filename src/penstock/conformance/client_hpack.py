"""HPACK as a client needs it (RFC 7541): fields to blocks in the plainest form, any block to fields.

Its tables are its own, so that a mistake of the server under test is not repeated here.
"""

# Appendix A, `name` or `name=value`; the comma's blank is written as an underscore.
_STATIC = """
:authority :method=GET :method=POST :path=/ :path=/index.html :scheme=http :scheme=https
:status=200 :status=204 :status=206 :status=304 :status=400 :status=404 :status=500
accept-charset accept-encoding=gzip,_deflate accept-language accept-ranges accept
access-control-allow-origin age allow authorization cache-control content-disposition
content-encoding content-language content-length content-location content-range content-type
cookie date etag expect expires from host if-match if-modified-since if-none-match if-range
if-unmodified-since last-modified link location max-forwards proxy-authenticate
proxy-authorization range referer refresh retry-after server set-cookie
strict-transport-security transfer-encoding user-agent vary via www-authenticate
"""
# Appendix B: the length of each symbol's code, as the letter of that number (A is 1), EOS last.
_LENGTHS = (
    "MW\\\\\\\\\\\\\\X^\\\\^\\\\\\\\\\\\\\\\^\\\\\\\\\\\\\\\\\\FJJLMFHKJJHKHFFFEEEFFFFFFFGHOFLJMFGGGGGGGGGGGGGGGGGGGG"
    "GGHGHMSMNFOEFEFEFFFEGGFFFEFGFEEFGGGGGOKNM\\TVTTVVVWVWWWWWXWXXVWXWWWWUVWVWWXVUTVVWWUWVVX"
    "UVWWUUVUWVWWTVVVWVVWZZTSVWVYZZZ[[ZXYSUZ[[Z[XUUZZ\\[[[TXTUVUUWVVYYXXZWZ[ZZ[[[[[\\[[[[[Z^"
)


def _static() -> list[tuple[bytes, bytes]]:
    entries = []
    for word in _STATIC.split():
        name, _, value = word.partition("=")
        entries.append((name.encode(), value.replace("_", " ").encode()))
    return entries


def _codes() -> dict[tuple[int, int], int]:
    """(length, code) → symbol. The code is canonical: by length, then by symbol."""
    found = {}
    code = last = 0
    for length, symbol in sorted((ord(letter) - 64, n) for n, letter in enumerate(_LENGTHS)):
        code <<= length - last
        found[length, code] = symbol
        code += 1
        last = length
    return found


STATIC = _static()
_CODES = _codes()


class BlockError(Exception):
    """A header block that breaks RFC 7541."""


def encode(fields: list[tuple[bytes, bytes]]) -> bytes:
    """A block of literals that no table takes (section 6.2.2)."""
    parts = []
    for name, value in fields:
        parts += [b"\x00", _number(len(name), 7), name, _number(len(value), 7), value]
    return b"".join(parts)


def _number(value: int, bits: int) -> bytes:
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    found = bytearray([most])
    value -= most
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def unpack(data: bytes) -> bytes:
    """The string behind a Huffman code (section 5.2)."""
    found = bytearray()
    code = length = 0
    for byte in data:
        for place in range(7, -1, -1):
            code = code << 1 | byte >> place & 1
            length += 1
            symbol = _CODES.get((length, code))
            if symbol is not None:
                if symbol > 255:
                    raise BlockError("EOS in a string")
                found.append(symbol)
                code = length = 0
            elif length > 30:
                raise BlockError("no such code")
    if length > 7 or code != (1 << length) - 1:
        raise BlockError("padding that is not the beginning of EOS")
    return bytes(found)


class Decoder:
    """Blocks to fields; keeps the dynamic table of a connection (section 2.3.2)."""

    def __init__(self, size: int = 4096) -> None:
        self._most = size
        self._size = size
        self._entries: list[tuple[bytes, bytes]] = []

    def decode(self, block: bytes) -> list[tuple[bytes, bytes]]:
        """The fields of a block. Raises BlockError."""
        try:
            return self._decode(block)
        except IndexError:
            raise BlockError("a block that ends too early, or an index beyond the table") from None

    def _decode(self, block: bytes) -> list[tuple[bytes, bytes]]:
        fields = []
        place = 0
        while place < len(block):
            first = block[place]
            if first & 128:
                index, place = _read_number(block, place, 7)
                fields.append(self._entry(index))
            elif first & 224 == 32:
                size, place = _read_number(block, place, 5)
                if size > self._most:
                    raise BlockError("a table larger than the setting allows")
                self._size = size
                self._fit()
            else:
                keep = bool(first & 64)
                index, place = _read_number(block, place, 6 if keep else 4)
                if index:
                    name = self._entry(index)[0]
                else:
                    name, place = _read_string(block, place)
                value, place = _read_string(block, place)
                fields.append((name, value))
                if keep:
                    self._entries.insert(0, (name, value))
                    self._fit()
        return fields

    def _entry(self, index: int) -> tuple[bytes, bytes]:
        if index == 0:
            raise BlockError("index 0")
        if index <= len(STATIC):
            return STATIC[index - 1]
        return self._entries[index - len(STATIC) - 1]

    def _fit(self) -> None:
        while sum(len(name) + len(value) + 32 for name, value in self._entries) > self._size:
            self._entries.pop()


def _read_number(block: bytes, place: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[place] & most
    place += 1
    if value < most:
        return value, place
    shift = 0
    while True:
        byte = block[place]
        place += 1
        value += (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place
        if shift > 35:
            raise BlockError("a number without end")


def _read_string(block: bytes, place: int) -> tuple[bytes, int]:
    packed = block[place] & 128
    length, place = _read_number(block, place, 7)
    data = block[place : place + length]
    if len(data) < length:
        raise BlockError("a string that ends too early")
    return unpack(data) if packed else data, place + length
