"""``triage cost``: the reader's own figures are used, and docs/cost.md shows what the command prints."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from triage_models.metrics import prices
from triage_models.metrics.running_cost import Deployment

from tests.worker.cli.result import Triage, refused

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```\n\$ triage (cost[^\n]*)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("arguments", "printed"), BLOCKS, ids=[arguments for arguments, _ in BLOCKS])
def test_the_page_shows_what_the_command_prints(triage: Triage, arguments: str, printed: str) -> None:
    assert triage(*shlex.split(arguments)).out == printed


def test_the_readme_has_the_same_figures(triage: Triage) -> None:
    answer = json.loads(triage("cost", "--messages-per-day", "10000000", "--json").out)
    row = answer["dollars_per_month"]["GPT-4o mini"]
    pods = max(answer["pods_dollars_per_month"].values())
    figures = "; ".join(f"{money:,.0f}" for money in (pods, row["together"], row["alone"], row["shortest"]))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| {figures} |" in readme
    for money in (pods, row["alone"], row["calls"]):
        assert f"${money:,.0f}" in readme


def test_the_page_has_blocks() -> None:
    assert len(BLOCKS) >= 3


def test_the_page_has_each_price_and_its_note() -> None:
    for machine in (*prices.MACHINES, prices.GPU):
        assert f"| {machine.name} | ${machine.dollars_per_hour:g} an hour |" in PAGE
    for model in prices.LANGUAGE_MODELS:
        assert f"| {model.name} | ${model.dollars_in:.2f}; ${model.dollars_out:.2f} |" in PAGE


def test_own_prices_take_the_place_of_the_lists(triage: Triage) -> None:
    ours = "--machine-price 0.9 --machine-cores 1 --llm-price-input 0 --llm-price-output 5"
    answer = json.loads(triage("cost", "--other-cores", "0", "--replicas", "1", "--json", *ours.split()).out)
    assert list(answer["pods_dollars_per_month"]) == ["your machine"]
    assert answer["pods_dollars_per_month"]["your machine"] == pytest.approx(2 / 0.9 * 0.9 * 730)
    assert answer["dollars_per_month"]["your LLM"]["alone"] == pytest.approx(1_000_000 * 730 / 24 * 16 * 5 / 1e6)


def test_json_has_the_source_of_each_price(triage: Triage) -> None:
    answer = json.loads(triage("cost", "--json").out)
    assert answer["pods"] == 2
    assert all(one["source"] for one in answer["prices"])
    assert {one["name"] for one in answer["prices"]} > {"GPT-4o mini", "AWS c7i.xlarge, us-east-1"}


def test_one_price_of_an_llm_is_too_few(triage: Triage) -> None:
    refused(triage("cost", "--llm-price-input", "1"), "--llm-price-output")


def test_an_llm_without_a_price_is_refused(triage: Triage) -> None:
    refused(triage("cost", "--llm-price-input", "0", "--llm-price-output", "0"), "more than 0")


def test_pods_are_those_of_the_chart() -> None:
    values = yaml.safe_load((ROOT / "deploy" / "helm" / "triage" / "values.yaml").read_text(encoding="utf-8"))
    worker, assumed = values["worker"], Deployment()
    assert float(worker["resources"]["requests"]["cpu"]) == assumed.cores
    assert worker["autoscaling"]["messagesPerSecondPerPod"] == assumed.rate * assumed.cores
    assert worker["autoscaling"]["cpuUtilization"] == assumed.utilization * 100
    assert worker["replicas"] == assumed.replicas
    cores = (values[name]["resources"]["requests"]["cpu"] for name in ("router", "fallback"))
    assert sum(float(each.removesuffix("m")) / 1000 for each in cores) == assumed.other_cores
