"""Header blocks of HTTP/2 to fields: the decoder of HPACK (RFC 7541), sans-IO.

One `Decoder` belongs to one connection, and sees every header block that comes in on it, in order.
The other direction needs no state and is in `blocks`.
"""

from penstock.errors import CompressionError
from penstock.wire.hpack_table import STATIC_TABLE
from penstock.wire.huffman import copy
from penstock.wire.huffman import decode as decode_huffman

# What each entry of a table and of a header list counts for beside its name and value
# (RFC 7541 section 4.1, RFC 9113 section 10.5.1): it bounds the number of empty ones.
_ENTRY_BYTES = 32
_STATIC_COUNT = 61
# A table that was changed between two blocks has its lowest and its last size said (section 4.2).
_UPDATES_MAX = 2
# Four octets after the prefix reach 2^28: more than any block, table or string has (section 5.1).
_SHIFT_MAX = 21
# Places of evicted entries are given back in one go, once there are so many and half of all are.
_EVICTED_MIN = 32
_EVICTED = (b"", b"")


class Decoder:
    """The fields of header blocks, and the dynamic table that they share.

    `table_bytes_max` is the SETTINGS_HEADER_TABLE_SIZE that the peer keeps to, from its first block
    on. `too_large` says whether the block decoded last went beyond a limit of its call.
    """

    __slots__ = (
        "_bytes",
        "_bytes_max",
        "_entries",
        "_first",
        "_position",
        "_room",
        "too_large",
    )

    def __init__(self, table_bytes_max: int) -> None:
        # The newest entry is the last; those before `_first` are evicted.
        self._entries: list[tuple[bytes, bytes]] = []
        self._first = 0
        self._bytes = 0
        self._room = table_bytes_max
        self._bytes_max = table_bytes_max
        self._position = 0
        self.too_large = False

    def decode(
        self, block: bytes, list_bytes_max: int, fields_max: int
    ) -> list[tuple[bytes, bytes]]:
        """The (name, value) pairs of one whole header block, as sent, nothing about them checked.

        Of a block with more than `fields_max` fields, or more than `list_bytes_max` bytes as
        RFC 9113 section 10.5.1 counts them (32 more than name and value for each), the first that
        are within the limits; `too_large` is True then, and the table as it has to be (H04, H05).
        Pairs that the tables hold are handed out as they are, all others hold copies. Raises
        CompressionError for what is against RFC 7541; the decoder is of no use afterwards (H26).
        """
        self.too_large = False
        try:
            return self._fields(block, list_bytes_max, fields_max)
        except IndexError:
            raise CompressionError(
                f"a header block of {len(block)} bytes ends inside a field", "RFC 7541 section 6"
            ) from None

    def _fields(
        self, block: bytes, list_bytes_max: int, fields_max: int
    ) -> list[tuple[bytes, bytes]]:
        fields: list[tuple[bytes, bytes]] = []
        entries = self._entries
        left = list_bytes_max
        end = len(block)
        position = 0
        if end and block[0] & 0xE0 == 0x20:
            position = self._updates(block)
        # An entry's index and its place in the list add up to `top`; `last` is the largest index.
        top = len(entries) + _STATIC_COUNT
        last = top - self._first
        while position < end:
            byte = block[position]
            position += 1
            if byte >= 0x80:
                # Section 6.1: an indexed field.
                index = byte & 0x7F
                if index == 0x7F:
                    index = self._integer(block, position, 0x7F)
                    position = self._position
                if index > _STATIC_COUNT:
                    if index > last:
                        raise self._no_entry(index)
                    pair = entries[top - index]
                elif index:
                    pair = STATIC_TABLE[index - 1]
                else:
                    raise CompressionError("index 0 names no field", "RFC 7541 section 6.1")
                name, value = pair
                size = len(name) + len(value) + _ENTRY_BYTES
            else:
                # Section 6.2: a literal, which goes to the table (6.2.1) or does not.
                prefix = 0x3F if byte & 0x40 else 0x0F
                if byte & 0x60 == 0x20:
                    raise CompressionError(
                        "the size of the table changes after the first field of a block",
                        "RFC 7541 section 4.2",
                    )
                index = byte & prefix
                if index == prefix:
                    index = self._integer(block, position, prefix)
                    position = self._position
                if index > _STATIC_COUNT:
                    if index > last:
                        raise self._no_entry(index)
                    name = entries[top - index][0]
                elif index:
                    name = STATIC_TABLE[index - 1][0]
                else:
                    name = self._string(block, position)
                    position = self._position
                value = self._string(block, position)
                position = self._position
                pair = (name, value)
                size = len(name) + len(value) + _ENTRY_BYTES
                if byte & 0x40:
                    self._insert(pair, size)
                    top = len(entries) + _STATIC_COUNT
                    last = top - self._first
            left -= size
            fields_max -= 1
            if left >= 0 and fields_max >= 0:
                fields.append(pair)
            else:
                # Both only fall, so nothing that comes later is kept either.
                self.too_large = True
        return fields

    def _integer(self, block: bytes, position: int, prefix: int) -> int:
        """The integer whose prefix, all ones, ended before `position` (section 5.1); sets
        `_position` to where it ends."""
        shift = 0
        while shift <= _SHIFT_MAX:
            byte = block[position]
            position += 1
            prefix += (byte & 0x7F) << shift
            if byte < 0x80:
                self._position = position
                return prefix
            shift += 7
        raise CompressionError(
            "an integer has more than four octets after its prefix", "RFC 7541 section 5.1"
        )

    def _string(self, block: bytes, position: int) -> bytes:
        """The string literal at `position` (section 5.2); sets `_position` to where it ends."""
        byte = block[position]
        position += 1
        length = byte & 0x7F
        if length == 0x7F:
            length = self._integer(block, position, 0x7F)
            position = self._position
        end = position + length
        if end > len(block):
            raise CompressionError(
                f"a string of {length} bytes starts {len(block) - position} before the end of its"
                " block",
                "RFC 7541 section 5.2",
            )
        self._position = end
        if byte < 0x80:
            return copy(block, position, end)
        text = decode_huffman(block, position, end)
        if text is None:
            raise CompressionError(
                "a Huffman code is followed by wrong padding, or holds EOS", "RFC 7541 section 5.2"
            )
        return text

    def _updates(self, block: bytes) -> int:
        """Take the size updates at the start of a block (section 6.3); where they end."""
        position = count = 0
        while position < len(block) and block[position] & 0xE0 == 0x20:
            count += 1
            if count > _UPDATES_MAX:
                raise CompressionError(
                    "the size of the table changes more than twice in one block",
                    "RFC 7541 section 4.2",
                )
            size = block[position] & 0x1F
            position += 1
            if size == 0x1F:
                size = self._integer(block, position, 0x1F)
                position = self._position
            if size > self._bytes_max:
                raise CompressionError(
                    f"a header table of {size} bytes; at most {self._bytes_max} were offered",
                    "RFC 7541 section 6.3",
                )
            self._room = size
            self._evict(size)
        return position

    def _insert(self, pair: tuple[bytes, bytes], size: int) -> None:
        """Put an entry at the front of the table; one that is larger than the table just empties it
        (section 4.4)."""
        if self._bytes + size > self._room:
            self._evict(self._room - size)
        if size <= self._room:
            self._entries.append(pair)
            self._bytes += size

    def _evict(self, room: int) -> None:
        """Evict the oldest entries until the rest takes `room` bytes or none is left (4.3)."""
        entries = self._entries
        first = self._first
        while self._bytes > room and first < len(entries):
            name, value = entries[first]
            entries[first] = _EVICTED
            self._bytes -= len(name) + len(value) + _ENTRY_BYTES
            first += 1
        if first >= _EVICTED_MIN and first * 2 >= len(entries):
            del entries[:first]
            first = 0
        self._first = first

    def _no_entry(self, index: int) -> CompressionError:
        count = len(self._entries) - self._first
        return CompressionError(
            f"index {index} names no field: the table has {_STATIC_COUNT} static entries and"
            f" {count} dynamic ones",
            "RFC 7541 section 2.3.3",
        )
