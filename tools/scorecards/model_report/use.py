"""The part of a report for those who use a card: reasons told, attributes that must not count, limits, responsibility."""

from __future__ import annotations

from collections import Counter

from services.scoring.domain.card import MOST_REASONS
from services.scoring.library import HERE as SCORING
from tools.scorecards.model_report.blocks import Both, Pairs, Section, Table, Words
from tools.scorecards.model_report.facts import Facts
from tools.scorecards.proxies import PASSING, association, attributes, impact, read_limits


def reasons(facts: Facts) -> Section:
    """How often each reason would be told to those below the cut-off, and in which words."""
    cutoff = facts.specification.cutoff_score
    below = [case for case in facts.held_out if case.assessed.score < cutoff]
    first = Counter(case.assessed.reasons[0].code for case in below if case.assessed.reasons)
    any_place = Counter(reason.code for case in below for reason in case.assessed.reasons)
    texts = {
        reason.code: reason.text for case in facts.cases for reason in case.assessed.reasons
    }  # those that some application was told; a missing answer's are in the card
    return Section(
        Both("原因", "Reasons told to applicants"),
        [
            Words(
                Both(
                    f"原因按与临界申请人相比所失分数排序，最多 {MOST_REASONS} 条，只说真实失分者。"
                    f"保留样本中低于 {cutoff} 分者 {len(below)} 人。",
                    f"Losses of points against applicants near the cut-off, the largest first, at most {MOST_REASONS}, and only "
                    f"real ones. Of the held-out third {len(below)} score below {cutoff}.",
                )
            ),
            Table(
                Both("低于分数线者的原因", "Reasons of those below the cut-off"),
                [
                    Both("代码", "code"),
                    Both("首要原因", "told first"),
                    Both("其中之一", "told at all"),
                    Both("占比", "of them"),
                ],
                [
                    [code, str(first[code]), str(count), f"{count / len(below):.1%}"]
                    for code, count in sorted(any_place.items(), key=lambda item: (-item[1], item[0]))
                ],
            ),
            Pairs(
                Both("原文", "In these words"),
                [(Both(code, ""), f"{text.zh_cn} · {text.en}") for code, text in sorted(texts.items())],
            ),
        ],
    )


def proxies(facts: Facts) -> Section:
    """What may not be used, and how far the indicators tell it all the same."""
    limits = read_limits((SCORING / "catalogue" / "proxies.json").read_bytes())
    hidden = attributes()
    columns = {told["id"]: facts.labels(place, facts.cases) for place, told in enumerate(facts.indicators)}
    columns["grade"] = [case.assessed.grade for case in facts.cases]
    found = {(name, other): association(labels, hidden[other]) for name, labels in columns.items() for other in hidden}
    marked = [
        f"{name} / {other}: {strength:.2f}"
        for (name, other), strength in found.items()
        if strength >= limits.association_reported
    ]
    passed = [case.assessed.grade in PASSING for case in facts.cases]
    groups = [
        [
            attribute,
            group,
            str(size),
            f"{share:.1%}",
            f"{ratio:.2f}" + ("" if ratio >= limits.impact_ratio_reported else " *"),
        ]
        for attribute, values in hidden.items()
        for group, (size, share, ratio) in impact(values, passed, limits.smallest_group).items()
    ]
    prohibited = [
        (Both(each.id, each.standing), f"{each.reason} ({each.basis})") for each in facts.specification.prohibited
    ]
    return Section(
        Both("禁用属性与代理变量", "What may not be used, and proxies"),
        [
            Pairs(Both("不得使用", "Not used; the builder and the service refuse a card that does"), prohibited),
            Words(
                Both(
                    f"下表为经偶然修正的 Cramér V：{limits.association_reported} 起须说明，{limits.association_refused} 起拒绝。"
                    f"须说明者：{'；'.join(marked) or '无'}。",
                    f"Cramér's V below, corrected for chance: to be explained from {limits.association_reported}, refused from "
                    f"{limits.association_refused}. To be explained: {'; '.join(marked) or 'none'}.",
                )
            ),
            Table(
                Both("指标与禁用属性的关联", "How far each indicator tells what may not be used"),
                [Both("指标", "indicator"), *(Both(name, "") for name in hidden)],
                [[name, *(f"{found[name, other]:.2f}" for other in hidden)] for name in columns],
            ),
            Table(
                Both(
                    "各群体的通过比例",
                    f"How groups fare: share in the grades {', '.join(PASSING)}, * where below "
                    f"{limits.impact_ratio_reported} of the best group's",
                ),
                [
                    Both("属性", "attribute"),
                    Both("群体", "group"),
                    Both("申请", "applications"),
                    Both("通过", "passing"),
                    Both("比值", "ratio"),
                ],
                groups,
                2,
            ),
        ],
    )


def limits(facts: Facts) -> Section:
    specification = facts.specification
    return Section(
        Both("局限", "What it does not show"),
        [
            *(Words(Both(each["zh-CN"], each["en"])) for each in specification.limits),
            Pairs(
                Both("未采用的指标", "Indicators left out, and why"),
                [(Both(name, ""), why) for name, why in specification.left_out.items()],
            ),
        ],
    )


def responsibility(facts: Facts) -> Section:
    card = facts.card
    return Section(
        Both("责任与生效", "Who answers for it, and from when"),
        [
            Pairs(
                Both("责任", "Responsibility"),
                [
                    (Both("作者", "author"), facts.specification.author),
                    (Both("批准人", "approver"), facts.specification.approver),
                    (Both("生效", "effective from"), str(card.effective_from)),
                    (Both("失效", "effective to"), str(card.effective_to or Both("未定", "open"))),
                ],
            ),
            Words(
                Both(
                    "风险经理在验证该评分卡时，随验证记录本报告（HTML）的 SHA-256；批准人据此核对所读报告。"
                    f"重新生成：make model-report CARD={card.name}，字节相同。",
                    "Who validates the card puts the SHA-256 of this report (the HTML file) on record with the validation; who "
                    "approves it can check that it is the report that was read. To make it again, to the same bytes: make "
                    f"model-report CARD={card.name}.",
                )
            ),
        ],
    )
