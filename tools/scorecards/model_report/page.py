"""A report as one HTML file that needs nothing else: styles and pictures within, no script, readable on paper too."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from tools.scorecards.model_report.blocks import Block, Both, Pairs, Picture, Report, Section, Table, Words

STYLE: Final = """
body { font: 15px/1.55 system-ui, "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif; color: #1f2328;
       max-width: 64rem; margin: 2rem auto; padding: 0 1rem; background: #fff }
h1 { font-size: 1.6rem; line-height: 1.25 } h2 { font-size: 1.2rem; margin-top: 2.4rem; border-bottom: 1px solid #d8dee4 }
nav ol { columns: 2 16rem } a { color: #0b5cad }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; font-size: .87rem }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { border: 1px solid #d8dee4; padding: .25rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
thead th { background: #f6f8fa; overflow-wrap: normal } tbody th { font-weight: 500 }
td.figure, th.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
thead th.figure { white-space: normal }
.en { color: #57606a } figure { margin: 1rem 0 } figure svg { width: 100%; max-width: 40rem; height: auto }
.scroll { overflow-x: auto }
@media print { body { margin: 0; max-width: none; font-size: 11px } nav { display: none } table, figure { break-inside: avoid } }
"""


def html_of(report: Report) -> bytes:
    """The same report gives the same bytes."""
    title = f"{report.name} · {report.title.zh} · {report.title.en}"
    parts = [
        "<!doctype html>",
        '<html lang="zh-CN">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>",
        "<body>",
        f"<header><h1>{_both(report.title)}<br>{escape(report.name)}</h1></header>",
        '<nav aria-label="目录 · Contents"><ol>',
        *(f'<li><a href="#s{number}">{_both(each.title)}</a></li>' for number, each in enumerate(report.sections, 1)),
        "</ol></nav>",
        "<main>",
        *(line for number, each in enumerate(report.sections, 1) for line in _section(number, each)),
        "</main>",
        f"<footer><p>SHA-256 {escape(report.name)}: {report.sha256}</p></footer>",
        "</body></html>",
    ]
    return ("\n".join(parts) + "\n").encode()


def _section(number: int, section: Section) -> Iterator[str]:
    yield f'<section aria-labelledby="s{number}"><h2 id="s{number}">{number} {_both(section.title)}</h2>'
    for block in section.blocks:
        yield _block(block)
    yield "</section>"


def _block(block: Block) -> str:
    match block:
        case Words():
            return f'<p>{escape(block.text.zh)}</p><p class="en" lang="en">{escape(block.text.en)}</p>'
        case Picture():
            return f"<figure>{block.svg}<figcaption>{_both(block.caption)}</figcaption></figure>"
        case Pairs():
            rows = "".join(
                f'<tr><th scope="row">{_both(label)}</th><td>{escape(value)}</td></tr>' for label, value in block.rows
            )
            return f'<div class="scroll"><table><caption>{_both(block.caption)}</caption><tbody>{rows}</tbody></table></div>'
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    def kind(place: int) -> str:
        return ' class="figure"' if place >= table.figures_from else ""

    head = "".join(f'<th scope="col"{kind(place)}>{_both(cell)}</th>' for place, cell in enumerate(table.head))
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td{kind(place)}>{escape(cell)}</td>" for place, cell in enumerate(row[1:], 1))
        + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="scroll"><table><caption>{_both(table.caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _both(text: Both) -> str:
    if not text.en:
        return escape(text.zh)
    return f'{escape(text.zh)} <span class="en" lang="en">{escape(text.en)}</span>'
