"""The part of a report that tells how well a card does: on the third that it never saw, beside that it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import sqrt
from statistics import NormalDist

from services.scoring.domain.performance import Interval, PerformancePolicy
from tools.scorecards.model_report.blocks import Both, Picture, Section, Table, Words
from tools.scorecards.model_report.facts import Case, Facts, brier
from tools.scorecards.model_report.pictures import Line, bars, lines

TENTHS = 10
STEP = 50
"""Points of score between two classes, and between two cut-offs."""


def parting(facts: Facts) -> Section:
    rows = []
    for name, cases in (
        (Both("保留", "held out"), facts.held_out),
        (Both("建模", "development"), facts.development),
    ):
        gini, ks = facts.parting(cases)
        error = brier((case.probability, case.defaulted) for case in cases)
        rows.append([str(name), f"{len(cases):,}", *map(_told, (_area(gini), gini, ks)), f"{error:.4f}"])
    error_told = f"{float(1 - facts.performance.error):.0%}"
    picture = lines(
        "ROC curve of the card on the held-out third",
        "share of the good taken for bad · 误判的好客户占比",
        "share of the bad found · 识别的坏客户占比",
        [Line("held out · 保留", roc(facts.held_out)), Line("development · 建模", roc(facts.development))],
    )
    return Section(
        Both("区分能力", "How well it parts good from bad"),
        [
            Words(
                Both(
                    f"区间为 {error_told}：AUC 与 Gini 按 DeLong；KS 按对任何样本量均成立的界，因而较宽。",
                    f"Intervals hold at {error_told}: DeLong's for AUC and Gini; for KS one that holds for every size of "
                    "sample, and is wide for that.",
                )
            ),
            Table(
                Both("区分能力", "AUC, Gini, KS and Brier score"),
                [
                    Both("样本", "part"),
                    Both("申请", "applications"),
                    Both("AUC", ""),
                    Both("Gini", ""),
                    Both("KS", ""),
                    Both("Brier", ""),
                ],
                rows,
            ),
            Picture(picture, Both("ROC 曲线", "The ROC curve: the nearer to the upper left corner, the better")),
        ],
    )


def calibration(facts: Facts) -> Section:
    ordered = sorted(facts.held_out, key=lambda case: (case.probability, case.number))
    rows, points = [], []
    for tenth in range(TENTHS):
        cases = ordered[tenth * len(ordered) // TENTHS : (tenth + 1) * len(ordered) // TENTHS]
        predicted, bad = _mean(cases), sum(case.defaulted for case in cases)
        low, high = wilson(bad, len(cases), facts.performance)
        points.append((predicted, bad / len(cases)))
        within = Both("是", "yes") if low <= predicted <= high else Both("否", "no")
        rows.append(
            [
                *(f"{tenth + 1}", f"{len(cases)}", f"{predicted:.1%}", f"{bad / len(cases):.1%}"),
                *(f"{low:.1%} – {high:.1%}", str(within)),
            ]
        )
    rate = Decimal(sum(case.defaulted for case in facts.held_out)) / len(facts.held_out)
    error = brier((case.probability, case.defaulted) for case in facts.held_out)
    plain = brier((rate, case.defaulted) for case in facts.held_out)
    picture = lines(
        "Predicted probability of default against the observed rate, by tenths of risk",
        "predicted · 预测违约概率",
        "observed · 实际违约率",
        [Line("card · 评分卡", points, marks=True), Line("as predicted · 完全一致", [(0, 0), (1, 1)])],
    )
    return Section(
        Both("校准", "Calibration"),
        [
            Words(
                Both(
                    f"保留样本的 Brier 分为 {error:.4f}；对所有人都用平均违约率预测则为 {plain:.4f}。",
                    f"The Brier score on the held-out third is {error:.4f}; telling everybody the mean rate would give "
                    f"{plain:.4f}.",
                )
            ),
            Picture(picture, Both("保留样本的校准图", "Calibration on the held-out third, by tenths of risk")),
            Table(
                Both("按风险十分位", "By tenths of risk, held-out third; interval of Wilson"),
                [
                    Both("十分位", "tenth"),
                    Both("申请", "applications"),
                    Both("预测", "predicted"),
                    Both("实际", "observed"),
                    Both("实际的区间", "interval of it"),
                    Both("在内", "within"),
                ],
                rows,
            ),
        ],
    )


def distribution(facts: Facts) -> Section:
    scores = [case.assessed.score for case in facts.cases]
    floors = list(range(min(scores) // STEP * STEP, max(scores) + 1, STEP))
    good = [case for case in facts.held_out if not case.defaulted]
    bad = [case for case in facts.held_out if case.defaulted]
    groups = [
        ("repaid · 正常", [_share(good, floor) for floor in floors]),
        ("defaulted · 违约", [_share(bad, floor) for floor in floors]),
    ]
    picture = bars(
        "Scores of good and bad in the held-out third",
        "score · 评分",
        "share of each · 占比",
        [str(floor) for floor in floors],
        groups,
    )
    rows, above = [], None
    for grade in facts.card.grades:
        band = f"≥ {grade.minimum_score}" if above is None else f"{grade.minimum_score} – {above - 1}"
        above = grade.minimum_score
        cells = []
        for part in (facts.development, facts.held_out):
            inside = [case for case in part if case.assessed.grade == grade.grade]
            cells += [str(len(inside)), _rate(inside)]
        held = [case for case in facts.held_out if case.assessed.grade == grade.grade]
        rows.append([grade.grade, band, *cells, f"{_mean(held):.1%}" if held else "–"])
    return Section(
        Both("评分分布与等级", "Scores and grades"),
        [
            Picture(picture, Both("保留样本的评分分布", f"Scores on the held-out third, in classes of {STEP} points")),
            Table(
                Both("等级", "Grades"),
                [
                    Both("等级", "grade"),
                    Both("评分", "score"),
                    Both("建模", "development"),
                    Both("违约", "defaulted"),
                    Both("保留", "held out"),
                    Both("违约", "defaulted"),
                    Both("预测", "predicted"),
                ],
                rows,
            ),
        ],
    )


def cutoffs(facts: Facts) -> Section:
    """What each cut-off would let through, on the held-out third."""
    scores = [case.assessed.score for case in facts.held_out]
    bad = sum(case.defaulted for case in facts.held_out)
    rows = []
    for cutoff in range(min(scores) // STEP * STEP + STEP, max(scores) + 1, STEP):
        through = [case for case in facts.held_out if case.assessed.score >= cutoff]
        kept_out = bad - sum(case.defaulted for case in through)
        rows.append(
            [
                str(cutoff),
                f"{len(through) / len(scores):.1%}",
                _rate(through),
                f"{kept_out / bad:.1%}",
                _rate([case for case in facts.held_out if case.assessed.score < cutoff]),
            ]
        )
    return Section(
        Both("通过率与坏账率", "Approval rate and bad rate by cut-off"),
        [
            Words(
                Both(
                    f"仅看评分、其他规则不计；评分卡的参照分数线为 {facts.specification.cutoff_score}。",
                    "By the score alone, without the other rules. The cut-off that the card's reasons refer to is "
                    f"{facts.specification.cutoff_score}.",
                )
            ),
            Table(
                Both("按分数线，保留样本", "By cut-off, held-out third"),
                [
                    Both("分数线", "cut-off"),
                    Both("通过率", "approval rate"),
                    Both("通过者坏账率", "bad rate of these"),
                    Both("拦下的坏客户", "of the bad kept out"),
                    Both("拒绝者坏账率", "bad rate of the rest"),
                ],
                rows,
            ),
        ],
    )


def challenger(facts: Facts) -> Section:
    """Champion and challenger on the same held-out third, and whether chance alone could make the difference."""
    gini, ks = facts.parting(facts.held_out)
    other_gini, other_ks = facts.challenger_parting
    error = brier((case.probability, case.defaulted) for case in facts.held_out)
    other_error = brier((facts.challenger[case.number], case.defaulted) for case in facts.held_out)
    low, high = paired(facts)
    difference = _area(gini).value - _area(other_gini).value
    verdict = Both("区间包含 0：差异可能出于偶然。", "The interval holds 0: the difference may be chance.")
    if not low <= 0 <= high:
        verdict = Both(
            "区间不含 0：在这一次切分上差异不只是偶然；其他切分可能不同，见二十次重复。",
            "The interval does not hold 0: on this split it is more than chance. Other splits may say otherwise: see the "
            "twenty repeats.",
        )
    return Section(
        Both("挑战者", "Beside the challenger"),
        [
            Words(
                Both(
                    "挑战者：在相同指标与相同方向约束下的单调梯度提升，用同一建模样本拟合，在同一保留样本上评判。"
                    "二十次重复见 docs/results/scorecards.md。",
                    "The challenger is monotone gradient boosting over the same indicators under the same directions, fitted on "
                    "the same development part and judged on the same third. Twenty repeats are in docs/results/scorecards.md.",
                )
            ),
            Table(
                Both("同一保留样本", "On the same held-out third"),
                [Both("模型", "model"), Both("AUC", ""), Both("Gini", ""), Both("KS", ""), Both("Brier", "")],
                [
                    [str(Both("评分卡", "card")), *map(_told, (_area(gini), gini, ks)), f"{error:.4f}"],
                    [
                        str(Both("挑战者", "challenger")),
                        *map(_told, (_area(other_gini), other_gini, other_ks)),
                        f"{other_error:.4f}",
                    ],
                ],
            ),
            Words(
                Both(
                    f"AUC 之差（评分卡减挑战者）{difference:+.4f}，区间 {low:+.4f} 至 {high:+.4f}。{verdict.zh}",
                    f"Difference of AUC, card less challenger: {difference:+.4f}, interval {low:+.4f} to {high:+.4f} "
                    f"(DeLong, paired). {verdict.en}",
                )
            ),
        ],
    )


def roc(cases: Sequence[Case]) -> list[tuple[float, float]]:
    """Shares of good and bad at or below each score, from none to all."""
    bad = sum(case.defaulted for case in cases)
    points, good_seen, bad_seen = [(0.0, 0.0)], 0, 0
    ordered = sorted(cases, key=lambda case: case.assessed.score)
    for place, case in enumerate(ordered):
        bad_seen += case.defaulted
        good_seen += not case.defaulted
        if place + 1 == len(ordered) or ordered[place + 1].assessed.score != case.assessed.score:
            points.append((good_seen / (len(cases) - bad), bad_seen / bad))
    return points


def wilson(found: int, of: int, policy: PerformancePolicy) -> tuple[float, float]:
    """Where a share may as well be (Wilson, J. Am. Stat. Assoc. 22 (1927) 209)."""
    z = NormalDist().inv_cdf(1 - float(policy.error) / 2)
    share, spread = found / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    reach = sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def paired(facts: Facts) -> tuple[float, float]:
    """The interval of the difference of both areas on the same applications (DeLong, DeLong and Clarke-Pearson, 1988)."""
    good = [case for case in facts.held_out if not case.defaulted]
    bad = [case for case in facts.held_out if case.defaulted]
    card = [[_above(other.assessed.score, one.assessed.score) for other in good] for one in bad]
    rival = [[_above(-facts.challenger[other.number], -facts.challenger[one.number]) for other in good] for one in bad]
    differ = [[a - b for a, b in zip(one, other, strict=True)] for one, other in zip(card, rival, strict=True)]
    of_bad = [sum(row) / len(good) for row in differ]
    of_good = [sum(row[place] for row in differ) / len(bad) for place in range(len(good))]
    mean = sum(of_bad) / len(bad)
    spread = sqrt(_variance(of_bad) / len(bad) + _variance(of_good) / len(good))
    reach = NormalDist().inv_cdf(1 - float(facts.performance.error) / 2) * spread
    return mean - reach, mean + reach


def _above(one: int | Decimal, other: int | Decimal) -> float:
    return 1.0 if one > other else 0.5 if one == other else 0.0


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _area(gini: Interval) -> Interval:
    return Interval(*((each + 1) / 2 for each in gini))


def _told(interval: Interval) -> str:
    return f"{interval.value:.4f} ({interval.low:.3f} – {interval.high:.3f})"


def _mean(cases: Sequence[Case]) -> float:
    return float(sum((case.probability for case in cases), Decimal(0)) / len(cases))


def _rate(cases: Sequence[Case]) -> str:
    return f"{sum(case.defaulted for case in cases) / len(cases):.1%}" if cases else "–"


def _share(cases: Sequence[Case], floor: int) -> float:
    return sum(floor <= case.assessed.score < floor + STEP for case in cases) / len(cases)
