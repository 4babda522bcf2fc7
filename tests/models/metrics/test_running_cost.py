"""What a number of messages a day costs: pods by the peak, calls by the tokens."""

import pytest
from triage_models.metrics import prices
from triage_models.metrics.cost import Tokens
from triage_models.metrics.prices import LanguageModel, Machine
from triage_models.metrics.running_cost import (
    ALONE_PROMPT,
    FALLBACK_PROMPT,
    MESSAGE_TOKENS,
    SHORTEST_PROMPT,
    Deployment,
    SelfHosted,
    Traffic,
    compare,
    llm_dollars_per_month,
)

MACHINE = Machine("here", 4, 0.40, "given")
MODEL = LanguageModel("ours", 1.0, 10.0, "given")


def test_pods_are_those_that_the_peak_needs() -> None:
    deployment = Deployment(rate=100, cores=2, utilization=0.5, replicas=1)
    assert deployment.pods(Traffic(86_400 * 100, peak_to_mean=1)) == 1
    assert deployment.pods(Traffic(86_400 * 101, peak_to_mean=1)) == 2
    assert deployment.pods(Traffic(86_400 * 100, peak_to_mean=3.5)) == 4


def test_a_trickle_needs_the_fewest_pods() -> None:
    assert Deployment(replicas=2).pods(Traffic(1)) == 2


def test_pods_cost_the_share_of_a_machine_that_they_take() -> None:
    deployment = Deployment(cores=2, replicas=2, other_cores=1, allocatable=0.5)
    # 5 cores at 10 cents for each core of a machine, of which pods get half: $1 an hour.
    assert deployment.dollars_per_month(Traffic(1), MACHINE) == pytest.approx(730)


def test_a_call_costs_its_tokens() -> None:
    traffic = Traffic(1_000_000 * 24 / 730, message_tokens=MESSAGE_TOKENS)  # a million a month
    assert llm_dollars_per_month(MODEL, traffic, Tokens(100, 10)) == pytest.approx(100 + 100)


def test_a_longer_message_is_paid_for_in_each_prompt_but_not_in_the_answer() -> None:
    longer = Traffic(1, message_tokens=MESSAGE_TOKENS + 50)
    assert longer.tokens(FALLBACK_PROMPT) == Tokens(FALLBACK_PROMPT.prompt + 50, FALLBACK_PROMPT.answer)


def test_what_is_refused_costs_a_call_on_top_of_the_pods() -> None:
    traffic, deployment = Traffic(1_000_000), Deployment(refused=0.25)
    row = compare(traffic, deployment, MACHINE, MODEL)
    assert row.alone == pytest.approx(llm_dollars_per_month(MODEL, traffic, ALONE_PROMPT))
    assert row.shortest == pytest.approx(llm_dollars_per_month(MODEL, traffic, SHORTEST_PROMPT))
    assert row.calls == pytest.approx(llm_dollars_per_month(MODEL, traffic, FALLBACK_PROMPT) / 4)
    assert row.together == pytest.approx(deployment.dollars_per_month(traffic, MACHINE) + row.calls)
    assert row.share == pytest.approx(row.together / row.alone)


@pytest.mark.parametrize("model", [MODEL, SelfHosted()])
def test_without_refusals_there_are_only_pods(model: LanguageModel | SelfHosted) -> None:
    traffic, deployment = Traffic(1_000_000), Deployment(refused=0)
    row = compare(traffic, deployment, MACHINE, model)
    assert row.calls == 0
    assert row.together == deployment.dollars_per_month(traffic, MACHINE)


def test_machines_with_a_gpu_are_those_that_the_peak_of_tokens_needs() -> None:
    hosted = SelfHosted(MACHINE, tokens_per_second=1000, utilization=0.5, replicas=1)
    at_ten = Traffic(86_400 * 10, peak_to_mean=1)
    assert hosted.machines(at_ten, Tokens(45, 5)) == 1
    assert hosted.machines(at_ten, Tokens(46, 5)) == 2
    assert hosted.dollars_per_month(at_ten, Tokens(46, 5)) == pytest.approx(2 * 0.40 * 730)


def test_each_price_has_a_source() -> None:
    listed: list[Machine | LanguageModel] = [*prices.MACHINES, *prices.LANGUAGE_MODELS, prices.GPU]
    assert all(each.source for each in listed)
