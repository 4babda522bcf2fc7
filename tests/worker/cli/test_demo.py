"""``triage demo``, to its end and with an error."""

import re

from tests.worker.cli.result import Triage, refused


def test_the_demo_accounts_for_every_message(triage: Triage) -> None:
    ran = triage("demo", "--messages", "60")
    assert ran.code == 0, ran.err
    assert "Worker, router and fallback are ready; the bundle is ecommerce." in ran.out
    counts = re.fullmatch(r"read 60 = accepted (\d+) \+ fallback (\d+) \+ dead letters 2", ran.out.splitlines()[-1])
    assert counts is not None
    assert int(counts[1]) + int(counts[2]) == 58


def test_the_demo_prints_why_its_worker_does_not_start(triage: Triage) -> None:
    refused(triage("demo", "--bundle", "nowhere"), "There is no bundle at")
