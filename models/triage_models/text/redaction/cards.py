"""Card numbers in a text, and the date of expiry and the code that follow them.

A run of digits, in groups or not, may hold more than the card: an order number before it, the expiry behind it. So each
window of whole groups is looked at, by the issuers' prefixes and lengths and the Luhn check.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate

from triage_models.text.phone_numbers import has_digits
from triage_models.text.redaction.card_codes import card_codes
from triage_models.text.spans import Span

_RUN = re.compile(r"\d(?:[\W_]{0,4}\d)*")
_GROUP = re.compile(r"\d+")
_ISSUERS = tuple(
    (re.compile(prefix), lengths)
    for prefix, lengths in (
        (r"4", (13, 16, 19)),  # Visa
        (r"3[47]", (15,)),  # American Express
        (r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)", (16,)),  # Mastercard
        (r"30[0-5]|3095|36|38|39", (14, 16)),  # Diners Club
        (r"352[89]|35[3-8]|220[0-4]", (16, 17, 18, 19)),  # JCB, Mir
        (r"6|50|5[6-8]", (16, 17, 18, 19)),  # Discover, UnionPay, Maestro, RuPay, Elo
        (r"8[12]|9792", (16,)),  # UnionPay, RuPay, Troy
    )
)
_FIRST_DIGITS = "2345689"
_SHORTEST, _LONGEST = 13, 19
_GROUPINGS = frozenset(
    {
        (4, 4, 4, 4),
        (4, 6, 5),
        (4, 6, 4),
        *((4, 4, 4, last) for last in (1, 2, 3)),
        *((4, 4, 4, 4, n) for n in (1, 2, 3)),
    }
)
_SHORTEST_GROUP = 4
"""Of the groups that begin a card which has others around it; pairs are the exception."""
_BOUNDARIES = {14: frozenset({4, 10}), 15: frozenset({4, 10}), 16: frozenset({4, 8, 12})}
"""Where groups may end where some are written in one, by the number's length."""
_MARKETPLACE_ORDER = (3, 7, 7)
_STRONG = frozenset(" .-_")
"""Between others, numbers of a list look like groups: they need the groups that are printed on cards."""
_MONTH_YEAR = re.compile(r"(?:0[1-9]|1[0-2])(?:2[4-9]|3\d|4[0-4])")
_MONTH, _MONTH_LENGTH = re.compile(r"0[1-9]|1[0-2]"), 2
_YEAR = re.compile(r"[/\-.]\s?(?:20)?[2-4]\d(?!\d)")
_GLUED_LENGTHS = (4, 7, 8)
"""Digits of an expiry that is glued to the number, and of the expiry with a code."""


def cards(text: str) -> Iterator[Span]:
    """Yield payment cards (kind "card"), and the expiry and code right behind them (kind "code")."""
    if not has_digits(text, _SHORTEST):
        return
    found = [span for run in _RUN.finditer(text) for span in _in_run(text, run)]
    for place, (start, end) in enumerate(found):
        yield Span("card", start, end)
        limit = found[place + 1][0] if place + 1 < len(found) else len(text)
        yield from card_codes(text, end, limit)


def _in_run(text: str, run: re.Match[str]) -> list[tuple[int, int]]:
    """Return where cards are in a run of digits; windows that overlap are one, so that nothing of either stays."""
    if run.end() - run.start() < _SHORTEST:
        return []
    groups = [group.span() for group in _GROUP.finditer(text, run.start(), run.end())]
    spans: list[tuple[int, int]] = []
    for first in range(len(groups)):
        start = groups[first][0]
        end = _end(text, groups, first) if _may_begin(text, groups, first) else None
        if end is None:
            continue
        if spans and start < spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    return spans


def _may_begin(text: str, groups: Sequence[tuple[int, int]], first: int) -> bool:
    """Whether a card may begin with a group: cheap, since a text may have very many."""
    start, end = groups[first]
    if text[start] not in _FIRST_DIGITS:
        return False
    if text[max(0, start - 1) : start] == "+" and not text[max(0, start - 2) : start - 1].isdigit():
        return False  # a phone number, unless the plus only separates two groups
    if first == 0 or end - start >= _SHORTEST_GROUP:
        return True
    return end - start == 2 and groups[first - 1][1] - groups[first - 1][0] != 2


def _end(text: str, groups: Sequence[tuple[int, int]], first: int) -> int | None:
    """Return where the card ends that begins with a group: the shortest one that is not of the 13 digits of old."""
    start, digits, sizes = groups[first][0], "", list[int]()
    before, weak, best = start, False, None
    for begin, end in groups[first : first + _LONGEST]:
        weak = weak or not _STRONG.issuperset(text[before:begin])
        before = end
        year = _YEAR.match(text, end)
        if _has_glued_expiry(digits, sizes, text[begin:end], month=year is not None):
            return end if year is None else year.end()
        digits += text[begin : min(end, begin + _LONGEST + 1)]
        sizes.append(end - begin)
        if len(digits) > _LONGEST:
            break
        whole = _is_whole(groups, first, first + len(sizes))
        if len(digits) >= _SHORTEST and _is_grouped(tuple(sizes), weak=weak, whole=whole) and _is_issued(digits):
            best = end
            if len(digits) > _SHORTEST:
                break
    return best


def _is_whole(groups: Sequence[tuple[int, int]], first: int, last: int) -> bool:
    """Whether groups are all that there is, or pairs of digits with others than pairs around them."""
    around = [end - start for start, end in (*groups[max(0, first - 1) : first], *groups[last : last + 1])]
    return not around or (2 not in around and all(end - start == 2 for start, end in groups[first:last]))


def _has_glued_expiry(digits: str, sizes: Sequence[int], group: str, *, month: bool) -> bool:
    """Whether a card ends within a group, and an expiry is the rest of it, or the month of one."""
    for length in (_MONTH_LENGTH,) if month else _GLUED_LENGTHS:
        number, rest = digits + group[:-length], group[-length:]
        pattern = _MONTH if month else _MONTH_YEAR
        if len(number) not in (14, 15, 16) or len(group) <= length or pattern.match(rest) is None:
            continue
        if _is_grouped((*sizes, len(group) - length), weak=True, whole=False) and _is_issued(number):
            return True
    return False


def _is_grouped(sizes: tuple[int, ...], *, weak: bool, whole: bool) -> bool:
    """Whether groups of digits may be a card's; stricter where other numbers are next to them."""
    if len(sizes) == 1 or sizes in _GROUPINGS:
        return True
    if weak or sizes == _MARKETPLACE_ORDER:
        return False
    return whole or _BOUNDARIES.get(sum(sizes), frozenset()).issuperset(accumulate(sizes[:-1]))


def _is_issued(digits: str) -> bool:
    from stdnum import ean, luhn  # noqa: PLC0415 (costs time at the start)

    if not any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _ISSUERS):
        return False
    if len(digits) == _SHORTEST and ean.is_valid(digits):
        return False  # a barcode
    return len(set(digits)) > 1 and bool(luhn.is_valid(digits))
