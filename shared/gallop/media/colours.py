"""Colours that an image describes by code points instead of a profile, and how they become sRGB.

An ICC profile is made of the primaries and the transfer function (ITU-T H.273), and the colours are converted with it.
HDR (PQ and HLG, ITU-R BT.2100) has highlights brighter than white: reference white, which is 203 cd/m2 (ITU-R BT.2408),
becomes the white of sRGB, everything darker keeps its brightness, and everything brighter becomes white.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_D65, _C, _DCI, _E = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351), (1 / 3, 1 / 3)
_D50 = (0.9642, 1.0, 0.8249)
Point = tuple[float, float]
Vector = tuple[float, float, float]
# By code point: name; red, green and blue; white.
_PRIMARIES: dict[int, tuple[str, tuple[Point, Point, Point], Point]] = {
    1: ("BT.709", ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), _D65),
    4: ("BT.470 M", ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)), _C),
    5: ("BT.601", ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), _D65),
    6: ("BT.601", ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)), _D65),
    7: ("SMPTE 240M", ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)), _D65),
    8: ("film", ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049)), _C),
    9: ("BT.2020", ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), _D65),
    11: ("DCI-P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), _DCI),
    12: ("Display P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), _D65),
    22: ("EBU 3213", ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)), _D65),
}
# Images that differ from sRGB only in these are shown as sRGB by every viewer.
_LIKE_BT_709 = {1, 5, 6, 7, 22}
_PQ, _HLG = 16, 18
_WHITE_NITS, _PEAK_NITS = 203.0, 10_000.0
_HLG_WHITE, _HLG_GAMMA = 0.75, 1.2
_STEPS = 4096
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


class Nclx(NamedTuple):
    """Code points for colours: their primaries and their transfer function."""

    primaries: int
    transfer: int


def profile(nclx: Nclx) -> tuple[bytes, str] | None:
    """Return an ICC profile for code points and what they are called; None for those of sRGB and unknown ones."""
    transfer = _TRANSFERS.get(nclx.transfer)
    if transfer is None and (nclx.primaries in _LIKE_BT_709 or nclx.primaries not in _PRIMARIES):
        return None
    name, points, white = _PRIMARIES.get(nclx.primaries, _PRIMARIES[1])
    called, curve = transfer or ("", _srgb)
    return _icc(points, white, curve), f"HDR ({called}, {name})" if nclx.transfer in (_PQ, _HLG) else name


def _srgb(signal: float) -> float:
    return signal / 12.92 if signal <= 0.04045 else ((signal + 0.055) / 1.055) ** 2.4  # noqa: PLR2004


def _pq(signal: float) -> float:
    root = signal ** (32 / 2523)
    light = (max(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610)
    return float(light * _PEAK_NITS / _WHITE_NITS)


def _hlg(signal: float) -> float:
    return float((_hlg_scene(signal) / _hlg_scene(_HLG_WHITE)) ** _HLG_GAMMA)


def _hlg_scene(signal: float) -> float:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return signal**2 / 3 if signal <= 0.5 else (math.exp((signal - c) / a) + b) / 12  # noqa: PLR2004


def _gamma(exponent: float) -> Callable[[float], float]:
    return lambda signal: signal**exponent


# Those of video cameras (1, 6, 14, 15) are shown as sRGB, like the ones that are not listed.
_TRANSFERS: dict[int, tuple[str, Callable[[float], float]]] = {
    4: ("gamma 2.2", _gamma(2.2)),
    5: ("gamma 2.8", _gamma(2.8)),
    8: ("linear", _gamma(1)),
    _PQ: ("PQ", _pq),
    17: ("gamma 2.6", _gamma(2.6)),
    _HLG: ("HLG", _hlg),
}


def _icc(points: tuple[Point, Point, Point], white: Point, curve: Callable[[float], float]) -> bytes:
    """Write a profile of three primaries and one curve (ICC.1:2001-04)."""
    levels = (round(min(1, curve(step / (_STEPS - 1))) * 65535) for step in range(_STEPS))
    colours = [b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in vector) for vector in _colorants(points, white)]
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 7) + b"Gallop\0" + bytes(79),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in _D50),
        **dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), colours, strict=True)),
        b"rTRC": b"curv\0\0\0\0" + struct.pack(f">I{_STEPS}H", _STEPS, *levels),
    }
    tags[b"gTRC"] = tags[b"bTRC"] = tags[b"rTRC"]
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    size = start + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"", 0x02400000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    illuminant = b"".join(_fixed(value) for value in _D50)
    return (head.ljust(68, b"\0") + illuminant).ljust(128, b"\0") + table + body


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _colorants(points: tuple[Point, Point, Point], white: Point) -> list[Vector]:
    """Return the primaries in XYZ, adapted to D50 (Bradford), in amounts that give white together."""
    columns = [_xyz(point) for point in points]
    amounts = _solve(_transposed(columns), _xyz(white))
    was, becomes = _times(_BRADFORD, _xyz(white)), _times(_BRADFORD, _D50)
    adapted = []
    for column, amount in zip(columns, amounts, strict=True):
        x, y, z = _times(_BRADFORD, column)
        cone = (x * becomes[0] / was[0], y * becomes[1] / was[1], z * becomes[2] / was[2])
        a, b, c = _solve(_BRADFORD, cone)
        adapted.append((a * amount, b * amount, c * amount))
    return adapted


def _xyz(point: Point) -> Vector:
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


def _transposed(rows: list[Vector]) -> tuple[Vector, Vector, Vector]:
    one, two, three = rows
    return (one[0], two[0], three[0]), (one[1], two[1], three[1]), (one[2], two[2], three[2])


def _times(matrix: tuple[Vector, Vector, Vector], vector: Vector) -> Vector:
    one, two, three = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return one, two, three


def _solve(matrix: tuple[Vector, Vector, Vector], wanted: Vector) -> Vector:
    """Solve three equations by Cramer's rule."""
    whole = _determinant(matrix)
    one, two, three = (_determinant(_with_column(matrix, column, wanted)) / whole for column in range(3))
    return one, two, three


def _with_column(matrix: tuple[Vector, Vector, Vector], column: int, values: Vector) -> tuple[Vector, Vector, Vector]:
    rows = [list(row) for row in matrix]
    for row, value in zip(rows, values, strict=True):
        row[column] = value
    one, two, three = ((row[0], row[1], row[2]) for row in rows)
    return one, two, three


def _determinant(matrix: tuple[Vector, Vector, Vector]) -> float:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
