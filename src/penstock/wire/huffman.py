"""The Huffman code of HPACK and QPACK (RFC 7541 section 5.2 and appendix B), in pure Python.

A leaf: the contract of its native form, `huffman.pyx`. The code is canonical, so the lengths of its
codes say all of it. `tests/wire/test_huffman.py` and `fuzz/hpack.py` hold the two forms equal.
"""

from typing import Any

from penstock.wire.hpack_table import HUFFMAN_LENGTHS

# What each byte adds to a text, and where it leads.
_Row = list[tuple[bytes, Any]]
# Where no string ends, and nothing leads out of: behind EOS, which stands in none (section 5.2).
_FAILED = 256


def _codes() -> list[str]:
    """The code of each symbol as binary digits."""
    codes = [""] * len(HUFFMAN_LENGTHS)
    code = bits = 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(HUFFMAN_LENGTHS)):
        code <<= length - bits
        bits = length
        codes[symbol] = f"{code:0{length}b}"
        code += 1
    return codes


def _tree() -> list[list[int]]:
    """Where each bit leads from each inner node of the code's tree: to a node as its number, to a
    byte as its complement. Node 0 is the root, to which nothing leads."""
    nodes = [[0, 0]]
    for symbol, code in enumerate(_CODES):
        node = 0
        for digit in code[:-1]:
            bit = int(digit)
            if not nodes[node][bit]:
                nodes[node][bit] = len(nodes)
                nodes.append([0, 0])
            node = nodes[node][bit]
        nodes[node][int(code[-1])] = ~symbol if symbol < 256 else _FAILED
    nodes.append([_FAILED, _FAILED])
    return nodes


def _ends() -> frozenset[int]:
    """The rows in which a string may end: at most seven bits into EOS, whose bits are ones."""
    nodes = [0]
    while len(nodes) < 8:
        nodes.append(_TREE[nodes[-1]][1])
    return frozenset(id(_rows[node]) for node in nodes)


_CODES = _codes()
_TREE = _tree()
# The row of each node, empty until a string comes there: most strings know 75 of the 257.
_rows: list[_Row] = [[] for _ in _TREE]
_nodes = {id(row): node for node, row in enumerate(_rows)}
_ENDS = _ends()
# Each pair once, whatever number of rows it is in.
_steps: dict[tuple[bytes, int], tuple[bytes, _Row]] = {}


def _fill(row: _Row) -> None:
    """Make a row."""
    reached = [(b"", _nodes[id(row)])]
    for _ in range(8):
        reached = [
            (text + bytes((~to,)), 0) if to < 0 else (text, to)
            for text, node in reached
            for to in _TREE[node]
        ]
    row += [_steps.setdefault(step, (step[0], _rows[step[1]])) for step in reached]


def decode(data: bytes, start: int, end: int) -> bytes | None:
    """The text whose code is `data[start:end]`; None for a code that is none.

    That is one that holds EOS, or ends in more than seven bits of padding or in other bits than the
    first of EOS (section 5.2). ValueError if no such slice lies in `data`.
    """
    if not 0 <= start <= end <= len(data):
        raise ValueError("no code lies there")
    parts = []
    row = _rows[0]
    for byte in data[start:end]:
        try:
            text, row = row[byte]
        except IndexError:
            _fill(row)
            text, row = row[byte]
        parts.append(text)
    return b"".join(parts) if id(row) in _ENDS else None


def copy(data: bytes, start: int, end: int) -> bytes:
    """`data[start:end]`: a string that is not coded. ValueError if no such slice lies in `data`."""
    if not 0 <= start <= end <= len(data):
        raise ValueError("no string lies there")
    return data[start:end]


def encode(data: bytes) -> bytes:
    """The code of a text, padded with ones (section 5.2)."""
    bits = "".join([_CODES[byte] for byte in data])
    bits += "1" * (-len(bits) & 7)
    return int(bits or "0", 2).to_bytes(len(bits) >> 3, "big")
