"""Amounts in Chinese capitals, as cheques and contracts write them (PBoC 支付结算办法, annex 1)."""

from __future__ import annotations

from typing import Final

from libs.lending.money import Money

DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
PLACES: Final = ("", "拾", "佰", "仟")
GROUPS: Final = ((10**8, "亿"), (10**4, "万"))


def capitals(amount: Money) -> str:
    """`人民币壹万贰仟元整` for CNY 12,000.00. Raises `ValueError` for another currency or a negative amount.

    整 ends an amount without fen; a gap of zeros is read once.
    """
    if amount.currency != "CNY" or amount.minor < 0:
        raise ValueError(f"{amount} is not written in capitals")
    yuan, fen = divmod(amount.minor, 100)
    jiao, fen = divmod(fen, 10)
    words = f"{_integer(yuan)}元" if yuan else ""
    if jiao:
        words += f"{DIGITS[jiao]}角"
    elif fen and yuan:
        words += "零"
    words += f"{DIGITS[fen]}分" if fen else "整"
    return "人民币" + (words if amount.minor else "零元整")


def _integer(value: int) -> str:
    """A positive integer; 零 stands where a group, or its thousands, are missing: 100,000,001 is 壹亿零壹."""
    for unit, name in GROUPS:
        if value >= unit:
            above, below = divmod(value, unit)
            gap = "零" if 0 < below < unit // 10 else ""
            return _integer(above) + name + gap + (_integer(below) if below else "")
    return _group(value)


def _group(value: int) -> str:
    """1 to 9,999: 1,024 is 壹仟零贰拾肆."""
    words, gap = "", False
    for place in range(3, -1, -1):
        digit = value // 10**place % 10
        if digit == 0:
            gap = bool(words)
            continue
        words += ("零" if gap else "") + DIGITS[digit] + PLACES[place]
        gap = False
    return words
