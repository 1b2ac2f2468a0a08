"""Pictures, bars and tables for notebooks: strings of HTML, without any library."""

from __future__ import annotations

import base64
import html
import struct
import zlib
from typing import Iterable, Sequence

import numpy as np

#: Values that a table or a row of bars shows.
SHOWN = 12
#: Side of a picture on the page, in pixels.
SIDE = 140


def escape(text: object) -> str:
    """Text as HTML."""
    return html.escape(str(text))


def picture(values: np.ndarray) -> str | None:
    """An ``<img>`` of a tensor that looks like one picture of one or three channels, otherwise nothing."""
    shape = [n for n in values.shape if n != 1]
    if len(shape) == 3 and shape[0] == 3:
        pixels = values.reshape(shape).transpose(1, 2, 0)
    elif len(shape) == 2:
        pixels = values.reshape(shape)
    else:
        return None
    height, width = pixels.shape[:2]
    if not (8 <= height <= 512 and 8 <= width <= 512 and max(height, width) <= 2 * min(height, width)):
        return None
    low, high = float(pixels.min()), float(pixels.max())
    scaled = np.zeros(pixels.shape) if high == low else (pixels - low) / (high - low)
    data = base64.b64encode(_png(np.round(255 * scaled).astype(np.uint8))).decode()
    size = f"width:{SIDE * width // max(height, width)}px"
    return f'<img style="image-rendering:pixelated;{size}" alt="{height} × {width} picture" src="data:image/png;base64,{data}">'


def _png(pixels: np.ndarray) -> bytes:
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def bars(values: Sequence[float], integers: Sequence[int]) -> str:
    """A bar for each value, with the integer that is proved beside it."""
    largest = max((abs(v) for v in values), default=0.0) or 1.0
    rows = []
    for i, (value, integer) in enumerate(zip(values, integers)):
        if i == SHOWN:
            rows.append(f"<tr><td colspan=4>… and {len(values) - SHOWN} more</td></tr>")
            break
        length = round(100 * abs(value) / largest)
        colour = "#4878a8" if value >= 0 else "#b05a4a"
        bar = f'<div style="width:{length}px;height:0.8em;background:{colour}"></div>'
        rows.append(
            f"<tr><td>{i}</td><td style='text-align:left'>{bar}</td><td>{value:.6g}</td><td>{integer}</td></tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Names beside HTML."""
    lines = (
        f"<tr><th style='text-align:left;vertical-align:top'>{escape(name)}</th>"
        f"<td style='text-align:left'>{value}</td></tr>"
        for name, value in rows
    )
    return f"<table>{''.join(lines)}</table>"


def badge(good: bool, text: str) -> str:
    """A word on green or red, which says it, too."""
    colour = "#2e7d4f" if good else "#b03a2e"
    return f'<b style="color:white;background:{colour};padding:2px 8px;border-radius:3px">{escape(text)}</b>'
