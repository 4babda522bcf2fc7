"""The board for: what do customers want, how far is the model to be trusted, what does the rest cost."""

from deploy.dashboards.panels import FALLBACK, WORKER, Board, Panel, Row, quantiles


def _share_of_shadow(by: str, where: str = "{NS}") -> str:
    compared = "triage_shadow_compared_messages_total"
    return f"sum by ({by}) (rate({compared}{where}[1h])) / ignoring ({by}) group_left sum(rate({compared}{{NS}}[1h]))"


QUALITY = Board(
    uid="triage-quality",
    title="Triage: decisions, tickets and money",
    description="What customers want, how far the model can be trusted with it, and what the rest costs.",
    span="24h",
    rows=(
        Row(
            "Decisions",
            (
                Panel(
                    "Outcomes",
                    "reqps",
                    (
                        (
                            "{{outcome}}",
                            f"sum by (outcome) (rate(triage_messages_answered_total{WORKER}}}[$__rate_interval]))",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Vouched for",
                    "percentunit",
                    (
                        ("now", "avg(triage:acceptance:ratio15m{NS})"),
                        ("usual", "avg(avg_over_time(triage:acceptance:ratio15m{NS}[1d] offset 1h))"),
                    ),
                    "Below half of the usual is a critical alert.",
                ),
                Panel(
                    "Why not",
                    "reqps",
                    (
                        (
                            "{{label}}",
                            "sum by (label) (rate(triage_messages_answered_total"
                            f'{WORKER}, outcome="fallback"}}[$__rate_interval]))',
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Intents accepted",
                    "reqps",
                    (
                        (
                            "{{label}}",
                            "sum by (label) (rate(triage_messages_answered_total"
                            f'{WORKER}, outcome="accepted"}}[$__rate_interval]))',
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Dead letters",
                    "short",
                    (
                        (
                            "{{label}}",
                            'sum by (label) (increase(triage_messages_answered_total{NS, outcome="dead_letter"}[1h]))',
                        ),
                    ),
                    "In the last hour, by code; docs/topics.md says what each means.",
                ),
                Panel(
                    "Drift",
                    "percentunit",
                    (
                        ("unsure of", "avg(triage:unsure:ratio6h{NS})"),
                        (
                            "intents moved",
                            "0.5 * sum(abs(triage:intent:share6h{NS}"
                            " - avg_over_time(triage:intent:share6h{NS}[7d] offset 6h)))",
                        ),
                    ),
                    "Share of messages that the model is unsure of; share of intents that are others than a week long.",
                ),
                Panel(
                    "Against the bundle's reference",
                    "percentunit",
                    (
                        (
                            "more unsure of",
                            "avg(triage:unsure:ratio6h{NS}) - (1 - avg(triage_reference_acceptance_ratio{NS}))",
                        ),
                        (
                            "intents unlike the training data",
                            "0.5 * sum(abs(sum by (label) (triage:intent:share6h{NS})"
                            " - on (label) avg by (label) (triage_reference_intent_ratio{NS})))",
                        ),
                    ),
                    "Above 20 % more unsure than on its calibration rows, the guarantee is in doubt: an alert. Training"
                    " data need not have the mix of the traffic; a change of the second line is what to look at.",
                ),
            ),
        ),
        Row(
            "Bundles",
            (
                Panel(
                    "Shadow agrees",
                    "percentunit",
                    (("{{outcome}}", _share_of_shadow("outcome")),),
                    "Share of the compared messages.",
                    stacked=True,
                ),
                Panel(
                    "Who accepts",
                    "percentunit",
                    (("{{accepted_by}}", _share_of_shadow("accepted_by")),),
                    "More by the shadow alone: it would vouch for more. Its guarantee says whether it may.",
                    stacked=True,
                ),
                Panel(
                    "Both accept, and differ",
                    "percentunit",
                    (("", _share_of_shadow("outcome", '{NS, outcome="intent_differs", accepted_by="both"}')),),
                    "Here one of the two is wrong and vouches for it.",
                ),
                Panel(
                    "Bundles found, messages left out",
                    "short",
                    (
                        (
                            "{{role}}: {{outcome}}",
                            "sum by (role, outcome) (increase(triage_bundle_reloads_total{NS}[1h]))",
                        ),
                        (
                            "shadow {{reason}} messages",
                            "sum by (reason) (increase(triage_shadow_skipped_messages_total{NS}[1h]))",
                        ),
                    ),
                    "In the last hour. A bundle that is refused leaves the one before it at work; the log says why.",
                ),
            ),
            columns=4,
        ),
        Row(
            "Tickets",
            (
                Panel(
                    "Tickets",
                    "short",
                    (("{{event}}", "sum by (event) (increase(triage_router_ticket_events_total{NS}[1h]))"),),
                    "In the last hour.",
                ),
                Panel(
                    "Where intents go",
                    "reqps",
                    (
                        (
                            "{{queue}}, {{priority}}",
                            "sum by (queue, priority) (rate(triage_router_routed_total{NS}[$__rate_interval]))",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Surges",
                    "short",
                    (("{{event}}", "sum by (event) (increase(triage_router_alerts_total{NS}[1h]))"),),
                ),
                Panel(
                    "Intents read by the router",
                    "reqps",
                    (("{{outcome}}", "sum by (outcome) (rate(triage_router_intents_total{NS}[$__rate_interval]))"),),
                ),
                Panel("Time of a batch of the router", "s", quantiles("triage_router_batch_seconds")),
                Panel(
                    "Conversations known, rules refused",
                    "short",
                    (
                        ("conversations", "sum(triage_router_conversations{NS})"),
                        ("rules refused", "max(triage_router_rules_refused{NS})"),
                    ),
                ),
            ),
        ),
        Row(
            "The helpdesk",
            (
                Panel(
                    "Tickets there",
                    "short",
                    (("{{outcome}}", "sum by (outcome) (increase(triage_helpdesk_tickets_total{NS}[1h]))"),),
                    "In the last hour.",
                ),
                Panel(
                    "Calls of its API",
                    "reqps",
                    (("{{result}}", "sum by (result) (rate(triage_helpdesk_calls_total{NS}[$__rate_interval]))"),),
                ),
            ),
            columns=2,
        ),
        Row(
            "The larger model",
            (
                Panel(
                    "What became of its messages",
                    "reqps",
                    (
                        (
                            "{{outcome}}, {{label}}",
                            "sum by (outcome, label) (rate(triage_messages_answered_total"
                            f"{FALLBACK}}}[$__rate_interval]))",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Calls",
                    "reqps",
                    (
                        ("{{result}}", "sum by (result) (rate(triage_llm_calls_total{NS}[$__rate_interval]))"),
                        ("from the cache", "sum(rate(triage_llm_cached_total{NS}[$__rate_interval]))"),
                    ),
                    stacked=True,
                ),
                Panel("Time of a call", "s", quantiles("triage_llm_call_seconds")),
                Panel(
                    "Money in the last hour",
                    "none",
                    (("", "sum(increase(triage_llm_money_total{NS}[1h]))"),),
                    "In the currency of TRIAGE_LLM_PRICE_INPUT and _OUTPUT.",
                ),
                Panel(
                    "Tokens",
                    "short",
                    (("{{direction}}", "sum by (direction) (rate(triage_llm_tokens_total{NS}[$__rate_interval]))"),),
                ),
                Panel(
                    "Circuit breaker",
                    "none",
                    (("{{state}}", "max by (state) (triage_llm_breaker{NS})"),),
                    stacked=True,
                ),
            ),
        ),
    ),
)
