"""The lines that mark a quotation, one rule at a time."""

import pytest
from triage_models.serving.mail.marks import (
    HEADER_LINES,
    LONGEST_LINE,
    Mark,
    is_marked,
    is_quotation,
    is_rule,
    mark_at,
    plain,
    without_mark,
)

CERTAIN, UNCERTAIN = Mark(1, True), Mark(1, False)
LONG = "x" * LONGEST_LINE


@pytest.mark.parametrize(
    ("line", "marked"), [("> a", True), (">", True), (" \t> a", True), ("a > b", False), ("", False), (" ", False)]
)
def test_a_marked_line_begins_with_the_mark(line: str, marked: bool) -> None:
    assert is_marked(line) is marked


def test_one_mark_and_one_blank_are_removed() -> None:
    lines = ["> a", ">a", " \t> a", ">> a", ">  a", "> > a"]
    assert [without_mark(line) for line in lines] == ["a", "a", "a", "> a", " a", "> a"]


def test_lines_are_compared_without_case_blanks_and_kinds_of_signs() -> None:
    assert plain(" On  Monday\xa0: ") == "on monday:"
    assert plain("It’s cafe\u0301：") == "it's café:"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        *(("_____", True), ("____", False), ("  -----\t", True), ("-–—_=*", True), ("__a__", False), ("", False)),
        *(("_" * LONGEST_LINE, True), ("_" * (LONGEST_LINE + 1), False)),
    ],
)
def test_a_rule_consists_of_dashes_or_underscores(line: str, rule: bool) -> None:
    assert is_rule(line) is rule


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        *(
            ("-----Original Message-----", CERTAIN),
            ("  -----Original Message", CERTAIN),
            ("--original message", CERTAIN),
        ),
        *(("- - Original Message", CERTAIN), ("== Forwarded message ==", CERTAIN), ("- Original Message", None)),
        *(("Original Message", None), ("----- hello -----", None), ("-----", None), ("", None)),
        *(("-----Original Message".ljust(LONGEST_LINE, "-"), CERTAIN), ("--Original Message" + LONG, None)),
        *(("Begin forwarded message:", CERTAIN), ("Début du message transféré :", CERTAIN)),
        *(("Begin forwarded message", None), ("I begin forwarded message:", None)),
    ],
)
def test_a_separator_marks_what_is_below_it(line: str, mark: Mark | None) -> None:
    assert mark_at([line, "a", "b"], 0) == mark


@pytest.mark.parametrize(
    ("block", "lines"),
    [
        ("From: a@b.c|To: x|Subject: y", 3),
        ("From: a@b.c|To: x|Subject: y||text", 3),
        (" From : a@b.c|*To:* x|\tSubject: y", 3),
        ("From: a@b.c|Sent: May|Subject: y", 3),
        ("From: Anna|Sent: 5 May|Subject: y", 3),
        ("From: Anna|To: x|Subject: y", 0),
        (f"From: Anna|Sent: {LONG}5|Subject: y", 0),
        ("From: a@b.c| | | |\t|To: x|Subject: y", 7),
        ("From: Anna|Sent: May|Subject: y", 0),
        ("From: Anna|To: 5|Subject: 5", 0),
        ("From: a@b.c|Subject: y", 0),
        ("From: a@b.c|Sent: 5 May|To: x", 0),
        ("To: x|Subject: y", 0),
        ("From|Sent: 5 May|Subject: y", 0),
        ("From: a@b.c|From: d@e.f|To: x|Subject: y", 0),
        ("From: a@b.c||To: x||Subject: y", 5),
        ("From: a@b.c|To: x,|y,|z|Subject: y", 5),
        ("From: a@b.c|one|two|three|To: x|Subject: y", 0),
        ("From: a@b.c||||To: x|Subject: y", 6),
        ("From: a@b.c" + "|" * (HEADER_LINES - 1) + "To: x|Subject: y", 0),
        ("From: a@b.c|To: x" + "|" * (HEADER_LINES - 2) + "Subject: y", HEADER_LINES),
    ],
)
def test_a_header_block_has_a_sender_a_subject_and_a_date_or_an_address(block: str, lines: int) -> None:
    for above in ([], ["a"] * 20):
        assert mark_at([*above, *block.split("|")], len(above)) == (Mark(lines, True) if lines else None)


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("On 5 March 2026, Anna wrote:", CERTAIN),
        ("On 5 March 1999, Anna wrote：", CERTAIN),
        ("Am 5. März 2026 schrieb Anna:", CERTAIN),
        ("Anna wrote on 2026:", UNCERTAIN),
        ("Anna, 2026, wrote:", UNCERTAIN),
        ("On 5 March 2026, Anna said:", UNCERTAIN),
        ("On Monday, Anna wrote:", UNCERTAIN),
        ("Anna (2026), a@b.c, wrote:", CERTAIN),
        ("Anna wrote 2026 at 10:12:", CERTAIN),
        ("Anna wrote 2026 at 10h12:", CERTAIN),
        ("Anna wrote at 10.12:", UNCERTAIN),
        ("2026-03-05 10:12 Anna a@b.c:", CERTAIN),
        ("2026-03-05 Anna:", None),
        ("Call 2026-03-05 10:12 a@b.c:", None),
        ("2026-03-05 10:12 Anna:", CERTAIN),
        ("5 notes 2026-03-05 10:12:", CERTAIN),
        ("5 items:", None),
        ("On 5 March 2026 (you) wrote:", None),
        ("On 5 March 2026 you wrote:", None),
        ("On 5 March 2026 you <a@b.c> wrote:", CERTAIN),
        ("Le 5 mars 2026 Anna m’a écrit :", None),
        ("On 5 March 2026, Anna wrote", None),
    ],
)
def test_an_introduction_is_certain_with_two_of_date_time_and_address_or_in_its_usual_form(
    line: str, mark: Mark | None
) -> None:
    assert mark_at([line, "a", "b"], 0) == mark


@pytest.mark.parametrize(
    ("lines", "mark"),
    [
        (["On 5 March 2026 at 10:12 Anna", "wrote:"], Mark(2, True)),
        (["  On 5 March 2026 at 10:12", "Anna", " wrote: "], Mark(3, True)),
        (["On 5 March 2026", "at 10:12", "Anna", "wrote:"], None),
        (["On Monday Anna", "wrote:"], None),
        (["On 5 March 2026 we", "wrote:"], None),
        (["Anna a@b.c 2026", "wrote:"], Mark(2, True)),
        (["Anna, 2026, 10:12", "wrote:"], None),
        (["On 5 March 2026 at 10:12 Anna", "", "wrote:"], None),
        (["On 5 March 2026 at 10:12 Anna", " \t", "wrote:"], None),
        (["On 5 March 2026 at 10:12 Anna", "> a", "wrote:"], None),
        (["On 5 March 2026 at 10:12 Anna", "wrote:".rjust(LONGEST_LINE)], Mark(2, True)),
        (["On 5 March 2026 at 10:12 Anna", "wrote:".rjust(LONGEST_LINE + 1)], None),
    ],
)
def test_an_introduction_may_be_wrapped_if_it_is_certain(lines: list[str], mark: Mark | None) -> None:
    assert mark_at(lines, 0) == mark


@pytest.mark.parametrize(
    ("run", "before", "quotation"),
    [
        (["> it came"], "", True),
        (["> a 5"], "", True),
        (["> 5 items"], "", False),
        (["> 5 items", ">", "> it came"], "", True),
        ([">"], "", False),
        (["> > it came"], "", True),
        *(([f"> {sign}5"], "", True) for sign in "\"'“„«¿¡("),
        (["> it came"], "fine, thanks", True),
        (["> it came"], "these came:", False),
        (["> it came"], "these came: \t", False),
        *(
            (["> it came"], before, True)
            for before in ("Anna wrote: ", "at 10:12:", "in 2026:", "on 5/3/26:", "a@b.c:")
        ),
        (["> it came"], f"wrote {LONG}:", False),
    ],
)
def test_marked_lines_are_quoted_unless_they_may_be_a_list(run: list[str], before: str, quotation: bool) -> None:
    assert is_quotation(run, before) is quotation
