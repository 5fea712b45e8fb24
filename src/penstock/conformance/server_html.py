"""The results as one page without anything from elsewhere: a matrix that compares servers.

The page holds all results as HTML; a few lines of script filter it. Without script all is shown.
"""

from html import escape

from penstock.conformance.server_cases import AREAS
from penstock.conformance.server_output import SIGNS, conversation, requirements, title, worst
from penstock.conformance.server_run import Run
from penstock.conformance.server_trial import ERROR, FAIL, PASS, SKIP, VERDICTS, WARN, Result

_WORDS = {PASS: "passes", FAIL: "fails", WARN: "warning", SKIP: "does not apply", ERROR: "broke"}
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --pass: #1a7f37; --fail: #cf222e;
  --warn: #9a6700; --skip: #8c959f; --error: #8250df; }
@media (prefers-color-scheme: dark) { :root { --pass: #3fb950; --fail: #f85149; --warn: #d29922;
  --skip: #6e7681; --error: #a371f7; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem }
p, li { max-width: 50rem } code, pre, .id { font-family: ui-monospace, monospace; font-size: .86em }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .28rem .6rem;
  border-bottom: 1px solid var(--line); vertical-align: top }
thead th { position: sticky; top: 0; background: Canvas; white-space: nowrap }
td.v, th.v { text-align: center; width: 6.5rem; white-space: nowrap }
tbody th { font-weight: 400 } .id { white-space: nowrap } .level { font-size: .8em; opacity: .7 }
.pass { color: var(--pass) } .fail { color: var(--fail); font-weight: 700 }
.warn { color: var(--warn); font-weight: 700 } .skip { color: var(--skip) } .error { color: var(--error) }
td.fail { background: color-mix(in srgb, var(--fail) 10%, transparent) }
td.warn { background: color-mix(in srgb, var(--warn) 8%, transparent) }
a { color: inherit; text-decoration: none } a:hover { text-decoration: underline }
details { border-bottom: 1px solid var(--line); padding: .3rem 0 } summary { cursor: pointer }
pre { background: var(--soft); padding: .6rem; overflow-x: auto; white-space: pre-wrap;
  overflow-wrap: anywhere; margin: .4rem 0 } dl { margin: .4rem 0; display: grid;
  grid-template-columns: 6rem 1fr; gap: .1rem .6rem } dt { opacity: .7 } dd { margin: 0; overflow-wrap: anywhere }
.tools { margin: 1rem 0; display: flex; gap: 1rem; flex-wrap: wrap } .hidden { display: none }
"""
_TOOLS = (
    '<div class="tools"><label><input type="checkbox" id="only"> only what is wrong</label>'
    '<label>find <input type="search" id="find"></label></div>'
)
_SCRIPT = """
const only = document.getElementById('only'), find = document.getElementById('find');
function filter() {
  const word = find.value.toLowerCase();
  for (const row of document.querySelectorAll('tr[data-worst]')) {
    const wrong = row.dataset.worst !== 'pass' && row.dataset.worst !== 'skip';
    const shown = (!only.checked || wrong) && row.textContent.toLowerCase().includes(word);
    row.classList.toggle('hidden', !shown);
  }
}
function reveal() {
  const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (found && found.tagName === 'DETAILS') { found.open = true; found.scrollIntoView(); }
}
addEventListener('hashchange', reveal); reveal();
only.addEventListener('change', filter); find.addEventListener('input', filter);
"""


def page(runs: list[Run]) -> str:
    """The page. Everything that servers sent is escaped."""
    names = ", ".join(title(found) for found in runs)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>ASGI conformance: {escape(names)}</title>",
            f"<style>{_STYLE}</style></head><body>",
            "<h1>ASGI conformance</h1>",
            f"<p>Made by <code>penstock check server</code>: {escape(names)}. {_legend()}</p>",
            *_summary(runs),
            _TOOLS,
            *_matrix(runs),
            *_details(runs),
            f"<script>{_SCRIPT}</script></body></html>",
            "",
        ]
    )


def _legend() -> str:
    parts = (_sign(verdict) + " " + _WORDS[verdict] for verdict in (PASS, FAIL, WARN, SKIP))
    return (
        " · ".join(parts) + ". A failure breaks a MUST or SHOULD of the specification; a warning "
        "something that it does not write, or a MAY."
    )


def _sign(verdict: str) -> str:
    return f'<span class="{verdict}">{SIGNS[verdict][0]}</span>'


def _summary(runs: list[Run]) -> list[str]:
    heads = "".join(f'<th class="v {verdict}">{_WORDS[verdict]}</th>' for verdict in VERDICTS)
    lines = [f"<table><thead><tr><th>server</th>{heads}<th>command</th></tr></thead><tbody>"]
    for found in runs:
        cells = "".join(f'<td class="v">{found.count(verdict) or ""}</td>' for verdict in VERDICTS)
        lines.append(
            f"<tr><th>{escape(title(found))}</th>{cells}"
            f"<td><code>{escape(_command(found.command))}</code></td></tr>"
        )
    return [*lines, "</tbody></table>"]


def _command(text: str) -> str:
    """A command line without the folder of the interpreter."""
    first, blank, rest = text.partition(" ")
    return first.rpartition("/")[2] + blank + rest


def _matrix(runs: list[Run]) -> list[str]:
    grouped = [requirements(found) for found in runs]
    order: dict[tuple[str, str], None] = {}
    for found in runs:
        for result in found.results:
            order.setdefault((result.case.area, result.case.id))
    lines = []
    heads = "".join(f'<th class="v">{escape(found.server)}</th>' for found in runs)
    for area, name in AREAS.items():
        ids = [id_ for place, id_ in order if place == area]
        if not ids:
            continue
        lines += [
            f"<h2>{escape(name)}</h2>",
            f"<table><thead><tr><th>requirement</th><th></th>{heads}</tr></thead><tbody>",
        ]
        for id_ in ids:
            lines.append(_row(id_, area, [group.get(id_, []) for group in grouped], runs))
        lines.append("</tbody></table>")
    return lines


def _row(id_: str, area: str, groups: list[list[Result]], runs: list[Run]) -> str:
    groups = [[result for result in group if result.case.area == area] for group in groups]
    cases = {result.case.key: result.case for group in groups for result in group}
    texts = "<br>".join(
        f'{escape(case.text)} <span class="level">{case.level}'
        f"{', derived' if case.derived else ''}</span>"
        for case in cases.values()
    )
    cells, seen = [], []
    for found, group in zip(runs, groups, strict=True):
        signs = []
        for key in cases:
            result = next((each for each in group if each.case.key == key), None)
            if result is not None:
                seen.append(result)
                signs.append(_cell(found, result))
        verdict = worst(group) if group else SKIP
        cells.append(f'<td class="v {verdict}">{" ".join(signs)}</td>')
    overall = worst(seen) if seen else SKIP
    return (
        f'<tr data-worst="{overall}"><th class="id">{escape(id_)}</th><td>{texts}</td>'
        f"{''.join(cells)}</tr>"
    )


def _cell(found: Run, result: Result) -> str:
    sign, _ = SIGNS[result.verdict]
    hint = f"{_WORDS[result.verdict]}: {result.came}" if result.came else _WORDS[result.verdict]
    text = f'<span class="{result.verdict}" title="{escape(hint[:300])}">{sign}</span>'
    if result.verdict in {PASS, SKIP}:
        return text
    return f'<a href="#{_anchor(found, result)}">{text}</a>'


def _anchor(found: Run, result: Result) -> str:
    return escape(f"{found.server}-{result.case.key}")


def _details(runs: list[Run]) -> list[str]:
    lines = []
    for found in runs:
        wrong = [r for r in found.results if r.verdict not in {PASS, SKIP}]
        lines.append(f"<h2>{escape(title(found))}: {len(wrong)} findings</h2>")
        for result in wrong:
            case = result.case
            shown = escape("\n".join(conversation(result)))
            lines.append(
                f'<details id="{_anchor(found, result)}"><summary>{_sign(result.verdict)} '
                f'<span class="id">{escape(case.id)}</span> {escape(case.text)} '
                f'<span class="level">{case.level}</span></summary>'
                f"<dl><dt>expected</dt><dd>{escape(result.expected)}</dd>"
                f"<dt>came</dt><dd>{escape(result.came)}</dd></dl><pre>{shown}</pre></details>"
            )
    return lines
