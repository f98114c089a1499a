"""Whether somebody belongs to those whom a product is for: region, industry, years in business, income (R3.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from libs.contracts.application import Segment
from libs.contracts.values import Business, Industry, Named
from libs.lending.money import Money
from services.application.domain.applicant import age_on
from services.application.domain.finding import Finding, finding

INDUSTRY_NAMES: Final[Mapping[Industry, Named]] = {
    industry: Named(zh=zh, en=en)
    for industry, zh, en in (
        (Industry.AGRICULTURE, "农、林、牧、渔业", "farming, forestry and fishery"),
        (Industry.MINING, "采矿业", "mining"),
        (Industry.MANUFACTURING, "制造业", "manufacturing"),
        (Industry.UTILITIES, "电力、热力、燃气及水生产和供应业", "electricity, heat, gas and water supply"),
        (Industry.CONSTRUCTION, "建筑业", "construction"),
        (Industry.TRADE, "批发和零售业", "wholesale and retail trade"),
        (Industry.TRANSPORT, "交通运输、仓储和邮政业", "transport, storage and post"),
        (Industry.HOTELS_AND_CATERING, "住宿和餐饮业", "hotels and catering"),
        (Industry.INFORMATION_TECHNOLOGY, "信息传输、软件和信息技术服务业", "software and information technology"),
        (Industry.FINANCE, "金融业", "finance"),
        (Industry.REAL_ESTATE, "房地产业", "real estate"),
        (Industry.BUSINESS_SERVICES, "租赁和商务服务业", "leasing and business services"),
        (Industry.RESEARCH, "科学研究和技术服务业", "research and technical services"),
        (Industry.PUBLIC_FACILITIES, "水利、环境和公共设施管理业", "water, environment and public facilities"),
        (Industry.RESIDENT_SERVICES, "居民服务、修理和其他服务业", "resident services and repair"),
        (Industry.EDUCATION, "教育", "education"),
        (Industry.HEALTH, "卫生和社会工作", "health and social work"),
        (Industry.CULTURE, "文化、体育和娱乐业", "culture, sports and entertainment"),
        (Industry.PUBLIC_ADMINISTRATION, "公共管理、社会保障和社会组织", "public administration and social bodies"),
        (Industry.INTERNATIONAL_ORGANISATIONS, "国际组织", "international organisations"),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a segment asks about. Not stated: no region, an income of nothing, a business without the member."""

    region: str
    business: Business
    monthly_income: Money


def outside(segment: Segment, profile: Profile, today: date) -> Iterator[Finding]:
    """Why somebody does not belong to a segment. Who does not belong since he has not said so is told to say it."""
    yield from _income(segment, profile.monthly_income)
    yield from _region(segment, profile.region)
    yield from _industry(segment, profile.business.industry)
    yield from _years(segment, profile.business.registered_on, today)
    yield from _turnover(segment, profile.business.annual_turnover)


def _income(segment: Segment, income: Money) -> Iterator[Finding]:
    """Stated for every product, whatever its segment."""
    least = segment.monthly_income_min
    if income.minor <= 0:
        yield finding("income-missing", "/monthly_income", "请填写月收入", "State the monthly income")
    elif least is not None and income.currency != least.currency:
        yield _currency("income-currency", "/monthly_income", least)
    elif least is not None and income < least:
        zh, en = f"月收入须不低于 {least}", f"This product is for a monthly income of at least {least}"
        yield finding("income-below-minimum", "/monthly_income", zh, en)


def _region(segment: Segment, region: str) -> Iterator[Finding]:
    if not segment.regions:
        return
    if not region:
        yield finding("region-not-stated", "/region", "请填写所在地区", "State the region where you live or trade")
    elif not any(region.startswith(each.code) for each in segment.regions):
        names = [each.name for each in segment.regions]
        yield _not_among("region-not-served", "/region", "地区", "regions", names)


def _industry(segment: Segment, industry: Industry | None) -> Iterator[Finding]:
    if not segment.industries:
        return
    if industry is None:
        zh, en = "请填写所属行业", "State the industry of the business"
        yield finding("industry-not-stated", "/business/industry", zh, en)
    elif industry not in segment.industries:
        names = [INDUSTRY_NAMES[each] for each in segment.industries]
        yield _not_among("industry-not-served", "/business/industry", "行业", "industries", names)


def _years(segment: Segment, registered_on: date | None, today: date) -> Iterator[Finding]:
    pointer = "/business/registered_on"
    least, most = segment.business_years_min, segment.business_years_max
    if registered_on is not None and registered_on > today:
        zh, en = "成立日期不得晚于今天", f"State a date of registration up to {today}, the business date"
        yield finding("business-registered-later", pointer, zh, en)
    elif least is None and most is None:
        return
    elif registered_on is None:
        zh, en = "请填写营业执照上的成立日期", "State the date of registration on the business licence"
        yield finding("business-registration-not-stated", pointer, zh, en)
    elif least is not None and age_on(registered_on, today) < least:
        zh, en = f"经营须满 {least} 年", f"This product is for businesses registered for at least {least} years"
        yield finding("business-years-below-minimum", pointer, zh, en)
    elif most is not None and age_on(registered_on, today) > most:
        zh, en = f"经营不得超过 {most} 年", f"This product is for businesses registered for at most {most} years"
        yield finding("business-years-above-maximum", pointer, zh, en)


def _turnover(segment: Segment, turnover: Money | None) -> Iterator[Finding]:
    pointer = "/business/annual_turnover"
    least, most = segment.annual_turnover_min, segment.annual_turnover_max
    limit = most if least is None else least
    if limit is None:
        return
    if turnover is None:
        yield finding("turnover-not-stated", pointer, "请填写年营业收入", "State the turnover of the last year")
    elif turnover.currency != limit.currency:
        yield _currency("turnover-currency", pointer, limit)
    elif least is not None and turnover < least:
        zh, en = f"年营业收入须不低于 {least}", f"This product is for a yearly turnover of at least {least}"
        yield finding("turnover-below-minimum", pointer, zh, en)
    elif most is not None and turnover > most:
        zh, en = f"年营业收入不得超过 {most}", f"This product is for a yearly turnover of at most {most}"
        yield finding("turnover-above-maximum", pointer, zh, en)


def _currency(code: str, pointer: str, limit: Money) -> Finding:
    return finding(code, pointer, f"请以 {limit.currency} 填写", f"State it in {limit.currency}")


def _not_among(code: str, pointer: str, zh: str, en: str, names: list[Named]) -> Finding:
    """Told with all that is served, since one of them may be the right answer to a question misread."""
    return finding(
        code,
        pointer,
        f"该产品面向的{zh}：{'、'.join(name.zh for name in names)}；请另选产品",
        f"This product is for these {en}: {', '.join(name.en for name in names)}; choose another one",
    )
