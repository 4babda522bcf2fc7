"""The quality dashboard: intents, accepted share, drift, tickets, and cost of the fallback."""

from deploy.dashboards.panels import FALLBACK, WORKER, Board, Panel, Row, quantiles


def _share_of_shadow(by: str, where: str = "{NS}") -> str:
    compared = "triage_shadow_compared_messages_total"
    return f"sum by ({by}) (rate({compared}{where}[1h])) / ignoring ({by}) group_left sum(rate({compared}{{NS}}[1h]))"


QUALITY = Board(
    uid="triage-quality",
    title="Triage: decisions, tickets and cost",
    description="Intents, accepted share and drift, tickets, and the cost of the fallback.",
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
                    "Accepted share",
                    "percentunit",
                    (
                        ("now", "avg(triage:acceptance:ratio15m{NS})"),
                        ("usual", "avg(avg_over_time(triage:acceptance:ratio15m{NS}[1d] offset 1h))"),
                    ),
                    "An accepted share below half of the usual raises a critical alert.",
                ),
                Panel(
                    "Refusals by reason",
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
                    "Accepted intents",
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
                    "In the last hour, by code. docs/topics.md explains the codes.",
                ),
                Panel(
                    "Skipped records",
                    "short",
                    (
                        (
                            "{{label}}",
                            'sum by (label) (increase(triage_messages_answered_total{NS, outcome="skipped"}[1h]))',
                        ),
                    ),
                    "In the last hour, by reason: records of a change log that are no new message. docs/topics.md"
                    " explains the reasons.",
                ),
                Panel(
                    "Drift",
                    "percentunit",
                    (
                        ("unsure", "avg(triage:unsure:ratio6h{NS})"),
                        (
                            "intents shifted",
                            "0.5 * sum(abs(triage:intent:share6h{NS}"
                            " - avg_over_time(triage:intent:share6h{NS}[7d] offset 6h)))",
                        ),
                    ),
                    "Share of messages that the model is unsure of; share of intents that differ from the last week.",
                ),
                Panel(
                    "Drift from the bundle's reference",
                    "percentunit",
                    (
                        (
                            "additional unsure share",
                            "avg(triage:unsure:ratio6h{NS}) - (1 - avg(triage_reference_acceptance_ratio{NS}))",
                        ),
                        (
                            "intents that differ from the training data",
                            "0.5 * sum(abs(sum by (label) (triage:intent:share6h{NS})"
                            " - on (label) avg by (label) (triage_reference_intent_ratio{NS})))",
                        ),
                    ),
                    "An alert fires if the model is unsure of 20 % more than on its calibration rows: the guarantee may"
                    " not hold. Training data may have another mix of intents than traffic: watch the second line for"
                    " changes.",
                ),
            ),
        ),
        Row(
            "Audit",
            (
                Panel(
                    "Wrong among accepted messages",
                    "percentunit",
                    (
                        ("at least", 'max(triage_audit_error_lower_ratio{NS, intent=""})'),
                        ("at most", 'max(triage_audit_error_upper_ratio{NS, intent=""})'),
                        ("promised", "max(triage_audit_promised_error_ratio{NS})"),
                        ("expected by confidence", "max(triage_audit_expected_error_ratio{NS})"),
                    ),
                    "By people's answers, at 95 % confidence whenever you look. docs/audit.md explains it.",
                ),
                Panel(
                    "At least this share of an intent is wrong",
                    "percentunit",
                    (("{{intent}}", 'max by (intent) (triage_audit_error_lower_ratio{NS, intent!=""})'),),
                ),
                Panel(
                    "Messages asked about, answers, errors",
                    "short",
                    (
                        ("asked", "max(triage_audit_requests{NS})"),
                        ("answered", "max(triage_audit_answered{NS})"),
                        ("of these, above the threshold in force", 'max(triage_audit_answers{NS, intent=""})'),
                        ("of these, wrong", 'max(triage_audit_wrong_answers{NS, intent=""})'),
                    ),
                ),
                Panel(
                    "Threshold",
                    "none",
                    (
                        ("decided", "max(triage_audit_threshold{NS})"),
                        ("the bundle's own", "max(triage_audit_threshold_floor{NS})"),
                        ("in force, lowest worker", "min(triage_threshold{NS})"),
                        ("in force, highest worker", "max(triage_threshold{NS})"),
                    ),
                    "It moves only with `triage audit --follow --act`. Workers differ for about a second.",
                ),
                Panel(
                    "Alarms",
                    "none",
                    (("{{kind}}", "max by (kind) (triage_audit_alarm{NS})"),),
                    "promise: more is wrong than promised. change: more errors than before. confidence: a mere notice.",
                ),
                Panel(
                    "Drift of confidences",
                    "none",
                    (("", "max(triage_audit_confidence_drift{NS})"),),
                    "From the calibration rows, or since the audit began, 0 to 1. Above 0.1 is worth a look.",
                ),
            ),
        ),
        Row(
            "Bundles",
            (
                Panel(
                    "Agreement of the shadow bundle",
                    "percentunit",
                    (("{{outcome}}", _share_of_shadow("outcome")),),
                    "Share of the compared messages.",
                    stacked=True,
                ),
                Panel(
                    "Accepted by which bundle",
                    "percentunit",
                    (("{{accepted_by}}", _share_of_shadow("accepted_by")),),
                    "If the shadow alone accepts more, it would raise coverage. Check its guarantee first.",
                    stacked=True,
                ),
                Panel(
                    "Both accept, with different intents",
                    "percentunit",
                    (("", _share_of_shadow("outcome", '{NS, outcome="intent_differs", accepted_by="both"}')),),
                    "One of the two accepted a wrong intent.",
                ),
                Panel(
                    "Bundle reloads, messages skipped by the shadow",
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
                    "In the last hour. If a bundle is refused, the previous one keeps serving; the log has the reason.",
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
                    (
                        ("{{event}}", "sum by (event) (increase(triage_router_ticket_events_total{NS}[1h]))"),
                        ("tags left out", "sum(increase(triage_router_tags_left_out_total{NS}[1h]))"),
                    ),
                    "In the last hour. Tags are left out of tickets that have 100.",
                ),
                Panel(
                    "Intents by queue and priority",
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
                Panel("Duration of a router batch", "s", quantiles("triage_router_batch_seconds")),
                Panel(
                    "Conversations in state, rules refused",
                    "short",
                    (
                        ("conversations", "sum(triage_router_conversations{NS})"),
                        ("rules refused", "max(triage_router_rules_refused{NS})"),
                    ),
                ),
            ),
        ),
        Row(
            "Helpdesk",
            (
                Panel(
                    "Tickets sent to the helpdesk",
                    "short",
                    (
                        ("{{outcome}}", "sum by (outcome) (increase(triage_helpdesk_tickets_total{NS}[1h]))"),
                        ("custom fields refused", "sum(increase(triage_helpdesk_fields_refused_total{NS}[1h]))"),
                    ),
                    "In the last hour.",
                ),
                Panel(
                    "API calls",
                    "reqps",
                    (("{{result}}", "sum by (result) (rate(triage_helpdesk_calls_total{NS}[$__rate_interval]))"),),
                ),
            ),
            columns=2,
        ),
        Row(
            "LLM fallback",
            (
                Panel(
                    "Outcomes of the fallback",
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
                    "LLM calls",
                    "reqps",
                    (
                        ("{{result}}", "sum by (result) (rate(triage_llm_calls_total{NS}[$__rate_interval]))"),
                        ("from the cache", "sum(rate(triage_llm_cached_total{NS}[$__rate_interval]))"),
                    ),
                    stacked=True,
                ),
                Panel("Duration of an LLM call", "s", quantiles("triage_llm_call_seconds")),
                Panel(
                    "Cost in the last hour",
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
