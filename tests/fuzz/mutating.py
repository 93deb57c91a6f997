"""Ways to break a file: by bytes, and by what its format is made of, so that what is broken lies behind the header."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any

Mutator = Callable[[bytes, random.Random], bytes]
NUMBERS = (0, -1, 1, 255, 256, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63, -(2**63), 1e308, 0.5)
TEXTS = ("", "nan", "inf", "-1", "1e400", "\x00", "é", "../../x", "/dev/zero", "a" * 3000, "[]", "{}", "null", "\x1b[2")
VALUES: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], *NUMBERS, *TEXTS, float("nan"), float("inf"))


def of_bytes(data: bytes, draw: random.Random) -> bytes:
    """Bits flipped, pieces cut out, doubled, zeroed, moved or torn off, numbers of every width put in."""
    broken = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        if not broken:
            return bytes(broken)
        at = draw.randrange(len(broken)) if draw.random() < 0.6 else draw.randrange(min(len(broken), 256))
        size = min(draw.choice((1, 2, 4, 8, 64, 512)), len(broken) - at)
        kind = draw.randrange(8)
        if kind == 0:
            broken[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            broken[at : at + size] = draw.randbytes(size)
        elif kind == 2:
            del broken[at : at + size]
        elif kind == 3:
            broken[at:at] = broken[at : at + size] * draw.choice((1, 2, 50))
        elif kind == 4:
            broken[at : at + size] = bytes([draw.choice((0, 255))]) * size
        elif kind == 5 and draw.random() < 0.3:
            del broken[at:]
        elif kind == 6:
            to = draw.randrange(len(broken))
            broken[to : to + size] = broken[at : at + size]
        else:
            number = int(draw.choice(NUMBERS[:11])) & (2**64 - 1)
            width, order = draw.choice("BHIQ"), draw.choice("<>")
            packed = struct.pack(order + "Q", number)
            count = struct.calcsize(width)
            broken[at : at + count] = packed[:count] if order == "<" else packed[-count:]
    return bytes(broken)


def _tree(value: Any, draw: random.Random) -> Any:
    """A JSON value with one place in it changed."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(list(value))
        kind = draw.random()
        changed = dict(value)
        if kind < 0.12:
            del changed[key]
        elif kind < 0.2:
            changed[draw.choice(TEXTS[:12])] = changed.pop(key)
        else:
            changed[key] = _tree(value[key], draw)
        return changed
    if isinstance(value, list) and value and draw.random() < 0.9:
        at = draw.randrange(len(value))
        kind = draw.random()
        if kind < 0.1:
            return value[:at]
        if kind < 0.2:
            return value + value[at:] * draw.choice((1, 3))
        return [*value[:at], _tree(value[at], draw), *value[at + 1 :]]
    return draw.choice(VALUES)


def of_json(data: bytes, draw: random.Random) -> bytes:
    try:
        value = json.loads(data)
    except ValueError:
        return of_bytes(data, draw)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        value = _tree(value, draw)
    return json.dumps(value).encode()


def of_safetensors(data: bytes, draw: random.Random) -> bytes:
    """The header's JSON changed and its length put right, and the JSON inside it that is ours."""
    size = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + size])
        if draw.random() < 0.5 and "json" in header.get("__metadata__", {}):
            header["__metadata__"]["json"] = of_json(header["__metadata__"]["json"].encode(), draw).decode()
        else:
            header = _tree(header, draw)
    except (ValueError, AttributeError, TypeError):
        return of_bytes(data, draw)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def of_glb(data: bytes, draw: random.Random) -> bytes:
    """The JSON of a binary glTF changed, and the lengths put right."""
    try:
        size = struct.unpack("<I", data[12:16])[0]
        text = of_json(data[20 : 20 + size], draw)
    except (ValueError, struct.error):
        return of_bytes(data, draw)
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    return struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A) + text + rest


def of_table(data: bytes, draw: random.Random) -> bytes:
    """Cells, rows and columns of a table changed, names among them."""
    lines = data.decode(errors="replace").split("\n")
    for _ in range(draw.choice((1, 1, 3))):
        row = 0 if draw.random() < 0.3 else draw.randrange(len(lines))
        cells = lines[row].split(",")
        at, kind = draw.randrange(len(cells)), draw.randrange(6)
        if kind == 0:
            del cells[at]
        elif kind == 1:
            cells.insert(at, draw.choice(cells))
        elif kind == 2:
            lines.insert(row, lines[draw.randrange(len(lines))])
        elif kind == 3 and len(lines) > 1:
            del lines[draw.randrange(len(lines))]
            row = min(row, len(lines) - 1)
            cells = lines[row].split(",")
        else:
            cells[at] = str(draw.choice((*NUMBERS, *TEXTS)))
        lines[row] = ",".join(cells)
    return "\n".join(lines).encode(errors="replace")


def of_text(data: bytes, draw: random.Random) -> bytes:
    """Lines and words of a text changed."""
    words = data.decode(errors="replace").split(" ")
    for _ in range(draw.choice((1, 2, 4))):
        at, kind = draw.randrange(len(words)), draw.randrange(4)
        if kind == 0:
            words.insert(at, draw.choice(words))
        elif kind == 1 and len(words) > 1:
            del words[at]
            at = min(at, len(words) - 1)
        else:
            words[at] = str(draw.choice((*NUMBERS, *TEXTS, "\n", "{", "[", "- ", "&a", "*a", "!!python/object")))
    return " ".join(words).encode(errors="replace")


def of_zip(data: bytes, draw: random.Random) -> bytes:
    """One member of an archive changed (an array's header, most of all), dropped, doubled or renamed."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [(name, archive.read(name)) for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError, ValueError):
        return of_bytes(data, draw)
    at, kind = draw.randrange(len(members)), draw.randrange(8)
    name, content = members[at]
    if kind == 0:
        del members[at]
    elif kind == 1:
        members[at] = (draw.choice(TEXTS).split("\0")[0] or "x", content)
    elif kind == 2:
        members.append((name, draw.choice(members)[1]))
    elif kind < 6 and content[:6] == b"\x93NUMPY":
        members[at] = (name, of_text(content[:128], draw)[:400] + content[128:])
    else:
        members[at] = (name, of_bytes(content, draw))
    goal = io.BytesIO()
    with zipfile.ZipFile(goal, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return goal.getvalue()


def of_boxes(data: bytes, draw: random.Random) -> bytes:
    """A box of an mp4 (or a chunk of a RIFF) with another size or name, doubled, or with its content broken."""
    names = (b"moov", b"trak", b"mdat", b"stsz", b"stco", b"stts", b"ctts", b"stsd", b"avc1", b"avcC", b"esds", b"elst",
             b"mvhd", b"tkhd", b"mdhd", b"uuid", b"jumb", b"fmt ", b"data", b"RIFF", b"IHDR", b"iCCP")  # fmt: skip
    places = [at for name in names if (at := data.find(name)) >= 0]
    if not places:
        return of_bytes(data, draw)
    at = draw.choice(places)
    near = bytearray(data)
    width = draw.choice((-4, 4, 8, 12, 16, 20))
    number = int(draw.choice(NUMBERS[:11])) & 0xFFFFFFFF
    near[max(0, at + width) : max(0, at + width) + 4] = struct.pack(draw.choice("<>") + "I", number)
    return bytes(near) if draw.random() < 0.7 else of_bytes(bytes(near), draw)


def of_manifest(data: bytes, draw: random.Random) -> bytes:
    """The C2PA manifest in an mp4 broken, and nothing else moved."""
    at = data.find(b"jumb")
    if at < 0:
        return of_bytes(data, draw)
    end = min(len(data), at - 4 + int.from_bytes(data[at - 4 : at], "big"))
    store = of_bytes(data[at:end], draw)[: end - at]
    return data[:at] + store.ljust(end - at, b"\0") + data[end:]
