"""The part of a report that tells what a card is: its purpose, its data, its indicators and how they hang together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, pairwise
from math import log
from statistics import correlation

from services.scoring.domain.watching import expected_index, stability_index
from tools.scorecards.model_report.blocks import Both, Pairs, Section, Table, Words
from tools.scorecards.model_report.facts import THIRDS, Case, Facts


def purpose(facts: Facts) -> Section:
    card, specification = facts.card, facts.specification
    scaling = card.document["scaling"]
    assert isinstance(scaling, dict)
    segment = ", ".join((*card.segment.products, *card.segment.regions))
    return Section(
        Both("用途", "What the card is for"),
        [
            Words(
                Both(
                    "评估此类申请人的违约可能性，给出评分、等级、违约概率与主要原因；是否放贷由审批决定表与审批人员决定。",
                    "It assesses how likely such an applicant is to default: a score, a grade, a probability and the main "
                    "reasons. Whether to lend is decided by the decision table and by people.",
                )
            ),
            Pairs(
                Both("评分卡", "The card"),
                [
                    (Both("名称", "name"), card.name),
                    (Both("标题", "title"), f"{card.title.zh_cn} · {card.title.en}"),
                    (Both("适用于", "for"), ", ".join(card.applies_to)),
                    (Both("客群", "segment"), segment or str(Both("全部", "all"))),
                    (Both("预测", "predicts"), str(Both(*_texts(specification.target["meaning"])))),
                    (Both("生效", "effective"), f"{card.effective_from} – {card.effective_to or ''}"),
                    (Both("作者", "author"), specification.author),
                    (Both("批准人", "approver"), specification.approver),
                    (
                        Both("刻度", "scale"),
                        f"{scaling['base_score']} = {scaling['base_odds']} : 1, PDO {scaling['pdo']}",
                    ),
                    (Both("评分卡 SHA-256", "SHA-256 of the card"), card.sha256),
                ],
            ),
        ],
    )


def _texts(text: dict[str, str]) -> tuple[str, str]:
    return text["zh-CN"], text["en"]


def data(facts: Facts) -> Section:
    build = facts.build
    rows = []
    for third in range(THIRDS):
        cases = [case for case in facts.cases if case.third == third]
        use = Both("保留", "held out") if cases[0].held_out else Both("建模", "development")
        rows.append([f"{third + 1}", str(use), *_sizes(cases)])
    rows.append([str(Both("全部", "all")), "", *_sizes(facts.cases)])
    return Section(
        Both("数据、总体与切分", "Data, population and splits"),
        [
            Pairs(
                Both("数据", "Data"),
                [
                    (Both("来源", "source"), facts.specification.source),
                    (Both("文件", "file"), build["data"]),
                    (Both("SHA-256（已核对）", "SHA-256 (checked)"), build["data_sha256"]),
                    (Both("切分", "split"), build["split"]),
                    (Both("种子", "seed"), build["seed"]),
                    (Both("方法", "method"), f"{build['method']}; {build['builder']}"),
                    (Both("指标目录版本", "catalogue of indicators"), build["indicator_catalogue_version"]),
                ],
            ),
            Table(
                Both("三份样本", "Three parts, each with the same share of defaults"),
                [
                    Both("份", "third"),
                    Both("用途", "use"),
                    Both("申请", "applications"),
                    Both("违约", "defaulted"),
                    Both("违约率", "rate"),
                ],
                rows,
                2,
            ),
        ],
    )


def _sizes(cases: Sequence[Case]) -> list[str]:
    bad = sum(case.defaulted for case in cases)
    return [f"{len(cases):,}", f"{bad:,}", f"{bad / len(cases):.1%}"]


def indicators(facts: Facts) -> Section:
    """Of each indicator its bins with their weight of evidence, information and points, on both parts."""
    blocks: list[Table | Words] = [
        Words(
            Both(
                "未提供或无法采用的回答得最差答案的分数，绝不当作好答案。WOE = ln(好客户占比 / 坏客户占比)；IV 为各箱贡献之和。",
                "A missing or unusable answer gets the points of the worst one: it never passes as a good one. WOE is "
                "ln(share of the good / share of the bad); the IV of an indicator is the sum over its bins.",
            )
        ),
        Table(
            Both("指标", "Indicators"),
            [
                Both("指标", "indicator"),
                Both("类型", "kind"),
                Both("箱数", "bins"),
                Both("IV", "development"),
                Both("IV", "held out"),
                Both("系数", "coefficient"),
                Both("最多分差", "points between"),
            ],
            [_summary(facts, place) for place in range(len(facts.indicators))],
            2,
        ),
    ]
    blocks += [_bins(facts, place) for place in range(len(facts.indicators))]
    return Section(Both("指标与分箱", "Indicators and their bins"), blocks)


def _summary(facts: Facts, place: int) -> list[str]:
    told = facts.indicators[place]
    points = [each["points"] for each in told["bins"]]
    value = sum(information(*facts.counts(place, facts.held_out)).values())
    return [
        told["id"],
        told["kind"],
        str(len(points)),
        told["information_value"],
        f"{value:.4f}",
        told["coefficient"],
        str(max(points) - min(points)),
    ]


def _bins(facts: Facts, place: int) -> Table:
    told = facts.indicators[place]
    (found, bad), (later, worse) = (facts.counts(place, part) for part in (facts.development, facts.held_out))
    parts = information(found, bad)
    rows = [
        [
            each["label"],
            str(each["applicants"]),
            f"{each['defaults'] / each['applicants']:.1%}",
            f"{float(each['woe']):+.3f}",
            f"{parts[each['label']]:.4f}",
            str(each["points"]),
            str(later[each["label"]]),
            f"{worse[each['label']] / later[each['label']]:.1%}" if later[each["label"]] else "–",
        ]
        for each in told["bins"]
    ]
    other, later_other = (
        count.total() - sum(count[each["label"]] for each in told["bins"]) for count in (found, later)
    )
    none = str(Both("缺失", "missing, unusable"))
    rows.append([none, str(other), "–", "–", "–", str(told["missing"]["points"]), str(later_other), "–"])
    return Table(
        Both(f"分箱：{told['id']}", f"Bins of {told['id']}"),
        [
            Both("回答", "answer"),
            Both("建模", "development"),
            Both("违约", "defaulted"),
            Both("WOE", ""),
            Both("IV", ""),
            Both("分数", "points"),
            Both("保留", "held out"),
            Both("违约", "defaulted"),
        ],
        rows,
    )


def information(found: Counter[str], bad: Counter[str]) -> dict[str, float]:
    """What each bin brings to the information value; none where it holds no good or no bad."""
    all_bad = bad.total()
    all_good = found.total() - all_bad
    parts = {}
    for label, count in found.items():
        good, worse = (count - bad[label]) / all_good, bad[label] / all_bad
        parts[label] = (good - worse) * log(good / worse) if good and worse else 0.0
    return parts


def monotony(facts: Facts) -> Section:
    """Points and default rates along the order of the answers, where there is one."""
    rows = []
    for place, told in enumerate(facts.indicators):
        ordered = told["id"] in facts.specification.ordered
        if told["kind"] != "quantitative" and not ordered:
            rows.append([told["id"], str(Both("无", "none")), "–", "–", "–"])
            continue
        labels = [each["label"] for each in told["bins"]]
        rates = []
        for part in (facts.development, facts.held_out):
            found, bad = facts.counts(place, part)
            rates.append([bad[label] / found[label] for label in labels if found[label]])
        points = [each["points"] for each in told["bins"]]
        direction = Both("升", "rising") if ordered else Both("降", "falling")
        rows.append([told["id"], str(direction), *(_turns(each) for each in (points, *rates))])
    return Section(
        Both("单调性", "Monotonicity"),
        [
            Words(
                Both(
                    "沿答案顺序，分数不得转向；样本中的违约率转向几次如下，保留样本中的转向可能出于偶然。",
                    "Along the order of the answers the points must not turn. How often the default rate turns in each "
                    "part is told beside; a turn in the held-out part may be chance.",
                )
            ),
            Table(
                Both("转向次数", "Turns along the order"),
                [
                    Both("指标", "indicator"),
                    Both("分数应", "points are to be"),
                    Both("分数", "points"),
                    Both("违约率，建模", "rate, development"),
                    Both("违约率，保留", "rate, held out"),
                ],
                rows,
                2,
            ),
        ],
    )


def _turns(values: list[float] | list[int]) -> str:
    steps = [later > earlier for earlier, later in pairwise(values) if later != earlier]
    return str(sum(one is not other for one, other in pairwise(steps)))


def together(facts: Facts) -> Section:
    """Correlation of the weights of evidence, which is what the regression sees."""
    names = [each["id"] for each in facts.indicators]
    weights = []
    for place, told in enumerate(facts.indicators):
        of = {each["label"]: float(each["woe"]) for each in told["bins"]}
        weights.append([of[label] for label in facts.labels(place, facts.development)])
    found = {pair: correlation(weights[pair[0]], weights[pair[1]]) for pair in combinations(range(len(names)), 2)}
    (one, other), most = max(found.items(), key=lambda item: abs(item[1]))
    rows = [
        [
            f"{row + 1} {names[row]}",
            *(f"{found[column, row]:+.2f}" if column < row else "" for column in range(len(names))),
        ]
        for row in range(len(names))
    ]
    return Section(
        Both("相关性", "Correlation of indicators"),
        [
            Words(
                Both(
                    f"建模样本中各指标 WOE 的皮尔逊相关系数；最大的是 {names[one]} 与 {names[other]}：{most:+.2f}。",
                    f"Pearson's correlation of the weights of evidence in the development part. The largest is that of "
                    f"{names[one]} and {names[other]}: {most:+.2f}.",
                )
            ),
            Table(
                Both("相关系数", "Correlations"),
                [Both("指标", "indicator"), *(Both(str(place + 1), "") for place in range(len(names)))],
                rows,
            ),
        ],
    )


def stability(facts: Facts) -> Section:
    """PSI of the grades and CSI of the bins between the thirds."""
    thirds = [[case for case in facts.cases if case.third == third] for third in range(THIRDS)]
    rows = [_stable(facts, "PSI", [Counter(case.assessed.grade for case in third) for third in thirds])]
    rows += [
        _stable(facts, f"CSI {told['id']}", [Counter(facts.labels(place, third)) for third in thirds])
        for place, told in enumerate(facts.indicators)
    ]
    return Section(
        Both("稳定性", "Stability between the thirds"),
        [
            Words(
                Both(
                    f"样本无日期，故比较三份之间。扣除样本量本身带来的数值后，{facts.watch.psi_amber} 起为黄，"
                    f"{facts.watch.psi_red} 起为红。",
                    "The data have no dates, so the thirds are compared with each other. Less what the sizes of the samples "
                    f"alone make, an index is amber from {facts.watch.psi_amber}, red from {facts.watch.psi_red}.",
                )
            ),
            Table(
                Both("稳定性指数", "Stability indices"),
                [
                    Both("指数", "index"),
                    Both("1–2", ""),
                    Both("1–3", ""),
                    Both("2–3", ""),
                    Both("无漂移时", "without drift"),
                    Both("颜色", "colour"),
                ],
                rows,
            ),
        ],
    )


def _stable(facts: Facts, name: str, counts: list[Counter[str]]) -> list[str]:
    pairs = list(combinations(counts, 2))
    found = [stability_index(one, other) for one, other in pairs]
    chance = max(expected_index(one, other) for one, other in pairs)
    colour = facts.watch.colour(max(0.0, max(found) - chance))
    return [name, *(f"{each:.4f}" for each in found), f"{chance:.4f}", colour]
