"""Write the model report of a card as HTML and PDF: `python -m tools.scorecards.model_report CARD`.

CARD is the name of a published card or the path of a draft. The standard library and the platform's own typesetting are
enough; running it again gives the same bytes. Told at the end: what goes on record with the card's validation.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from services.scoring.domain.document import InvalidDocument
from tools.scorecards.model_report import model, performance, use
from tools.scorecards.model_report.blocks import Both, Report
from tools.scorecards.model_report.facts import Facts, ReportRefused, card_path, facts_of
from tools.scorecards.model_report.page import html_of
from tools.scorecards.model_report.paper import pdf_of

RESULTS: Final = Path(__file__).parents[3] / "docs" / "results"
CONTENTS: Final = (
    *(model.purpose, model.data, model.indicators, model.monotony, model.together),
    *(performance.parting, performance.calibration, performance.distribution, model.stability, performance.cutoffs),
    *(use.reasons, use.proxies, performance.challenger, use.limits, use.responsibility),
)


def report_of(facts: Facts) -> Report:
    """Everything that is told of a card, in the order in which it is read."""
    sections = [section(facts) for section in CONTENTS]
    return Report(facts.card.name, Both("模型报告", "Model report"), facts.card.sha256, sections)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.scorecards.model_report", description=__doc__)
    parser.add_argument("card", help="name of a published card, or the path of a card's JSON")
    parser.add_argument("--directory", type=Path, default=RESULTS, help="where both files go")
    asked = parser.parse_args(arguments)
    try:
        facts = facts_of(card_path(asked.card))
    except (ReportRefused, InvalidDocument, ValueError) as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    report = report_of(facts)
    page = html_of(report)
    asked.directory.mkdir(parents=True, exist_ok=True)
    for suffix, content in (("html", page), ("pdf", pdf_of(report, facts.card.effective_from))):
        path = asked.directory / f"model-report-{report.name}.{suffix}"
        path.write_bytes(content)
        sys.stdout.write(f"{path} ({len(content):,} bytes)\n")
    sys.stdout.write(f"report_sha256 {sha256(page).hexdigest()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
