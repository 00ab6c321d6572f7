"""Changes fields of plan files and renews their hash, so that what checks a plan's meaning is tested and not its hash.

Works on the wire format of runtime/plan/plan.proto, whose field numbers the paths below are made of.
"""

import hashlib

HASH, PROVENANCE, EXPLANATION = 2, 3, 15  # of a Plan
LOCATION = (7, 4, 3, 10)  # entries, programs, tasks, location


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """(number, wire type, value) of each field: an integer, or bytes."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == 0:
            value, at = read_varint(data, at)
        else:
            size, at = read_varint(data, at) if key & 7 == 2 else (8 if key & 7 == 1 else 4, at)
            value, at = data[at : at + size], at + size
        yield key >> 3, key & 7, value


def encode(number, wire, value):
    if wire == 0:
        return varint(number << 3) + varint(value)
    return varint(number << 3 | wire) + (varint(len(value)) if wire == 2 else b"") + value


def change(data, path, edit):
    """Edits the values of the fields that the path of numbers leads to; `edit` gives None for a field to leave out."""
    out = b""
    for number, wire, value in fields(data):
        if number == path[0]:
            value = change(value, path[1:], edit) if path[1:] else edit(value)
        out += encode(number, wire, value) if value is not None else b""
    return out


def renewed(plan):
    """The plan with the hash of what it holds."""
    kept = plan
    for number in (HASH, PROVENANCE, EXPLANATION):
        kept = change(kept, (number,), lambda _: None)
    digest = hashlib.sha256(change(kept, LOCATION, lambda _: None)).digest()
    return change(plan, (HASH,), lambda _: digest)


def first(edit):
    """An edit of the first field that it meets."""
    met = []

    def once(value):
        met.append(value)
        return edit(value) if len(met) == 1 else value

    return once
