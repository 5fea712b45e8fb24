"""The Huffman code of HPACK and QPACK (RFC 7541 section 5.2 and appendix B), in pure Python.

A leaf: the contract of its native form, `huffman.pyx`. The code is canonical, so the lengths of its
codes say all of it. `tests/wire/test_huffman.py` and `fuzz/hpack.py` hold the two forms equal.
"""

# The bits of each byte's code; the last is that of EOS.
LENGTHS = (
    b"\x0d\x17\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x18\x1e\x1c\x1c\x1e\x1c\x1c"
    b"\x1c\x1c\x1c\x1c\x1c\x1c\x1e\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c\x1c"
    b"\x06\x0a\x0a\x0c\x0d\x06\x08\x0b\x0a\x0a\x08\x0b\x08\x06\x06\x06"
    b"\x05\x05\x05\x06\x06\x06\x06\x06\x06\x06\x07\x08\x0f\x06\x0c\x0a"
    b"\x0d\x06\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07"
    b"\x07\x07\x07\x07\x07\x07\x07\x07\x08\x07\x08\x0d\x13\x0d\x0e\x06"
    b"\x0f\x05\x06\x05\x06\x05\x06\x06\x06\x05\x07\x07\x06\x06\x06\x05"
    b"\x06\x07\x06\x05\x05\x06\x07\x07\x07\x07\x07\x0f\x0b\x0e\x0d\x1c"
    b"\x14\x16\x14\x14\x16\x16\x16\x17\x16\x17\x17\x17\x17\x17\x18\x17"
    b"\x18\x18\x16\x17\x18\x17\x17\x17\x17\x15\x16\x17\x16\x17\x17\x18"
    b"\x16\x15\x14\x16\x16\x17\x17\x15\x17\x16\x16\x18\x15\x16\x17\x17"
    b"\x15\x15\x16\x15\x17\x16\x17\x17\x14\x16\x16\x16\x17\x16\x16\x17"
    b"\x1a\x1a\x14\x13\x16\x17\x16\x19\x1a\x1a\x1a\x1b\x1b\x1a\x18\x19"
    b"\x13\x15\x1a\x1b\x1b\x1a\x1b\x18\x15\x15\x1a\x1a\x1c\x1b\x1b\x1b"
    b"\x14\x18\x14\x15\x16\x15\x15\x17\x16\x16\x19\x19\x18\x18\x1a\x17"
    b"\x1a\x1b\x1a\x1a\x1b\x1b\x1b\x1b\x1b\x1c\x1b\x1b\x1b\x1b\x1b\x1a"
    b"\x1e"
)
# Where no string ends, and nothing leads out of: behind EOS, which stands in none (section 5.2).
_FAILED = 256


def _codes() -> list[str]:
    """The code of each symbol as binary digits."""
    codes = [""] * len(LENGTHS)
    code = bits = 0
    for length, symbol in sorted((length, symbol) for symbol, length in enumerate(LENGTHS)):
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
    """The nodes in which a string may end: at most seven bits into EOS, whose bits are ones."""
    found = [0]
    while len(found) < 8:
        found.append(_TREE[found[-1]][1])
    return frozenset(found)


_CODES = _codes()
_TREE = _tree()
_ENDS = _ends()
# For each node, once a string has come there: what each byte adds to the text, and where it leads.
# There are 257, and most strings know 75 of them.
_rows: list[list[tuple[bytes, int]]] = [[]] * len(_TREE)
# Each such pair once, whatever number of rows it is in.
_steps: dict[tuple[bytes, int], tuple[bytes, int]] = {}


def _row(node: int) -> list[tuple[bytes, int]]:
    """Make the row of a node."""
    row = [(b"", node)]
    for _ in range(8):
        wider = []
        for text, at in row:
            for to in _TREE[at]:
                wider.append((text + bytes((~to,)), 0) if to < 0 else (text, to))
        row = wider
    _rows[node] = row = [_steps.setdefault(step, step) for step in row]
    return row


def decode(data: bytes, start: int, end: int) -> bytes | None:
    """The text whose code is `data[start:end]`; None for a code that is none.

    That is one that holds EOS, or ends in more than seven bits of padding or in other bits than the
    first of EOS (section 5.2). ValueError if no such slice lies in `data`.
    """
    if not 0 <= start <= end <= len(data):
        raise ValueError("no code lies there")
    parts = []
    node = 0
    for byte in data[start:end]:
        text, node = (_rows[node] or _row(node))[byte]
        parts.append(text)
    return b"".join(parts) if node in _ENDS else None


def encode(data: bytes) -> bytes:
    """The code of a text, padded with ones (section 5.2)."""
    bits = "".join([_CODES[byte] for byte in data])
    bits += "1" * (-len(bits) & 7)
    return int(bits or "0", 2).to_bytes(len(bits) >> 3, "big")
