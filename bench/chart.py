"""The chart of docs/benchmarks: CPU time for each answer, as bars, in one SVG without scripts.

Follows the reader's light or dark setting. Each panel has a scale of its own: the bars of one
panel compare, those of two do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from bench.rows import JSON_LOG

if TYPE_CHECKING:
    from bench.results import Results, RowResult

_OWN = ("penstock", "penstock-pure")
_FLOOR = "floor"

_WIDTH = 960
_MARGIN = 32
_GUTTER = 40
_PANEL_WIDTH = (_WIDTH - 2 * _MARGIN - _GUTTER) / 2
_LABEL_WIDTH = 128
_FIGURE_WIDTH = 122
_BAR_HEIGHT = 16
_BAR_STEP = 25
_HEAD_HEIGHT = 96
_TITLE_HEIGHT = 46
_PANEL_GAP = 30
_FOOT_HEIGHT = 44

_STYLE = """
  .back { fill: #ffffff } .edge { fill: none; stroke: #d8dee6 }
  text { font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
         fill: #1c2733; font-size: 13px }
  .head { font-size: 22px; font-weight: 650 } .title { font-size: 14px; font-weight: 600 }
  .faint { fill: #64717f; font-size: 12px } .figure { font-variant-numeric: tabular-nums }
  .own-text { font-weight: 650; fill: #0b6b74 } .rule { stroke: #e4e9ee }
  .own { fill: #0e8792 } .pure { fill: #6fc0c4 } .peer { fill: #b3bfcc } .floor { fill: url(#weave) }
  .thread { stroke: #9aa8b6; stroke-width: 2 } .cloth { fill: #eef1f4 }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0f161d } .edge { stroke: #2a3641 } text { fill: #e4ebf1 }
    .faint { fill: #93a1ae } .own-text { fill: #5fd3d6 } .rule { stroke: #24303a }
    .own { fill: #2bb3b8 } .pure { fill: #1f6f76 } .peer { fill: #4d5b68 }
    .thread { stroke: #56646f } .cloth { fill: #1b252e }
  }
"""

_PAGE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img" aria-labelledby="t d">
<title id="t">Server CPU time for each answer</title>
<desc id="d">{description}</desc>
<style>{style}</style>
<defs><pattern id="weave" width="6" height="6" patternUnits="userSpaceOnUse" \
patternTransform="rotate(45)"><rect width="6" height="6" class="cloth"/>\
<line x1="0" x2="0" y1="0" y2="6" class="thread"/></pattern></defs>
<rect width="{width}" height="{height}" rx="12" class="back"/>
<rect x="0.5" y="0.5" width="{inner_width}" height="{inner_height}" rx="12" class="edge"/>
{heading}
{explanation}
{panels}
{foot}
{legend}
</svg>
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One benchmark's bars: which row, what its heading says, and which unit the figures have."""

    row: str
    title: str
    note: str


HERO = Panel("http", "HTTP/1.1", "hello, 12 headers that change with every request, 64 connections")
"""The panel over the whole width."""
PANELS = (
    Panel("http2", "HTTP/2", "hello, 12 fields, 16 connections × 32 streams"),
    Panel("http2-tls", "HTTP/2 over TLS", "the same"),
    Panel("websocket", "WebSocket echo", "64-byte texts, 64 connections"),
    Panel("starlette", "Starlette, JSON", "HTTP/1.1 as above, a framework in it"),
    Panel("wsgi", "WSGI", "hello, one thread"),
    Panel("log", "Access log on", "HTTP/1.1 as above, to a file"),
    Panel("memory-connection", "An idle connection", "memory, keep-alive"),
    Panel("memory-websocket", "An open WebSocket", "memory, no deflate agreed"),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One server's figure."""

    label: str
    server: str
    value: float


def _bars(result: RowResult) -> list[Bar]:
    """The cheapest first; the row of the access log shows only the cases that log."""
    only_log = any(case.log for case in result.row.cases)
    bars = []
    for case in result.row.cases:
        cost = result.median(case.key, "cost")
        if cost is not None and case.log == only_log:
            label = case.server.replace("-pure", ", pure")
            if case.key == JSON_LOG:
                label += ", JSON"
            bars.append(Bar(label, case.server, cost))
    return sorted(bars, key=lambda bar: bar.value)


def _figure(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _kind(server: str) -> str:
    if server == _FLOOR:
        return "floor"
    if server in _OWN:
        return "own" if server == _OWN[0] else "pure"
    return "peer"


def _panel(panel: Panel, bars: list[Bar], unit: str, x: float, y: float, width: float) -> list[str]:
    """One panel's elements; its upper left corner is at (x, y)."""
    right = x + width
    parts = [
        _text(x, y + 14, panel.title, "title"),
        _text(right, y + 14, panel.note, "faint", "end"),
        f'<line x1="{x:.1f}" x2="{right:.1f}" y1="{y + 24:.1f}" y2="{y + 24:.1f}" class="rule"/>',
    ]
    room = width - _LABEL_WIDTH - _FIGURE_WIDTH
    longest = max(bar.value for bar in bars)
    own = next((bar.value for bar in bars if bar.server == _OWN[0]), None)
    for index, bar in enumerate(bars):
        top = y + _TITLE_HEIGHT - 10 + index * _BAR_STEP
        base = top + _BAR_HEIGHT - 3.5
        length = max(2.0, bar.value / longest * room)
        style = "own-text" if bar.server in _OWN else "label"
        figure = _figure(bar.value, unit)
        parts.append(_text(x + _LABEL_WIDTH - 10, base, bar.label, style, "end"))
        parts.append(
            f'<rect x="{x + _LABEL_WIDTH:.1f}" y="{top:.1f}" width="{length:.1f}" '
            f'height="{_BAR_HEIGHT}" rx="3" class="{_kind(bar.server)}"/>'
        )
        ratio = ""
        if own is not None and _kind(bar.server) == "peer":
            ratio = f'<tspan dx="10" class="faint">{bar.value / own:.1f} ×</tspan>'
        parts.append(
            f'<text x="{x + _LABEL_WIDTH + length + 8:.1f}" y="{base:.1f}" '
            f'class="figure {style}">{figure}{ratio}</text>'
        )
    return parts


def svg(results: Results) -> str:
    """The whole chart; panels whose row was not measured are left out."""
    by_key = {result.key: result for result in results.rows}
    filled = [
        (panel, bars, by_key[panel.row].row.unit)
        for panel in (HERO, *PANELS)
        if panel.row in by_key and (bars := _bars(by_key[panel.row]))
    ]
    parts: list[str] = []
    y = float(_HEAD_HEIGHT)
    lines = [[drawn] for drawn in filled if drawn[0] is HERO]
    rest = [drawn for drawn in filled if drawn[0] is not HERO]
    lines += [rest[left : left + 2] for left in range(0, len(rest), 2)]
    for line in lines:
        for column, (panel, bars, unit) in enumerate(line):
            width = _WIDTH - 2 * _MARGIN if panel is HERO else _PANEL_WIDTH
            x = _MARGIN + column * (_PANEL_WIDTH + _GUTTER)
            parts.extend(_panel(panel, bars, unit, x, y, width))
        y += _TITLE_HEIGHT + max(len(bars) for _, bars, _ in line) * _BAR_STEP + _PANEL_GAP
    height = y - _PANEL_GAP + _FOOT_HEIGHT
    foot = " · ".join(
        (results.machine["processor"], results.machine["python"], results.date.split()[0])
    )
    return _PAGE.format(
        width=_WIDTH,
        height=round(height),
        inner_width=_WIDTH - 1,
        inner_height=round(height) - 1,
        description=escape(_description(filled)),
        style=_STYLE,
        heading=_text(_MARGIN, 46, "What one answer costs the server", "head"),
        explanation=_text(
            _MARGIN,
            68,
            "CPU time of the whole process tree; shorter is better. "
            "Hatched: the floor, an event loop that answers canned bytes.",
            "faint",
        ),
        panels="\n".join(parts),
        foot=_text(_MARGIN, height - 20, foot, "faint"),
        legend=_text(_WIDTH - _MARGIN, height - 20, "n × = times Penstock's cost", "faint", "end"),
    )


def _description(filled: list[tuple[Panel, list[Bar], str]]) -> str:
    """The figures in words, for readers who do not see the bars."""
    return " ".join(
        f"{panel.title}: "
        + ", ".join(f"{bar.label} {_figure(bar.value, unit)}" for bar in bars)
        + "."
        for panel, bars, unit in filled
    )
