"""The board for: does it keep up, is anything lost, where does the time go."""

from deploy.dashboards.panels import WORKER, Board, Panel, Row, quantiles

SERVICE = Board(
    uid="triage-service",
    title="Triage: service",
    description="Does it keep up, is anything lost, where does the time go.",
    span="3h",
    rows=(
        Row(
            "At a glance",
            (
                Panel(
                    "Oldest message waits",
                    "s",
                    (("", "max(triage_lag_seconds{NS})"),),
                    "Age of the oldest message that no service has answered. Alerts at 60 s and 15 min.",
                    "stat",
                    ((30, "orange"), (60, "red")),
                ),
                Panel(
                    "Messages per second",
                    "reqps",
                    (("", f"sum(rate(triage_messages_answered_total{WORKER}}}[5m]))"),),
                    kind="stat",
                ),
                Panel(
                    "Vouched for",
                    "percentunit",
                    (("", "avg(triage:acceptance:ratio15m{NS})"),),
                    "Of the messages that could be read, the share that the model accepts.",
                    "stat",
                ),
                Panel(
                    "Books out of balance by",
                    "none",
                    (
                        (
                            "",
                            "max(abs(triage_messages_read_total{NS}"
                            " - on (namespace, job, instance) triage_messages_given_back_total{NS}"
                            " - on (namespace, job, instance)"
                            " sum by (namespace, job, instance) (triage_messages_answered_total{NS})"
                            " - on (namespace, job, instance) triage_in_flight_messages{NS}))",
                        ),
                    ),
                    "Read = accepted + fallback + review + dead letters + given back + in flight.",
                    "stat",
                    ((1, "red"),),
                ),
                Panel(
                    "Services ready",
                    "none",
                    (("{{job}}", "sum by (job) (triage_ready{NS})"),),
                    "Pods whose /readyz finds nothing that keeps them from their work.",
                    "stat",
                ),
                Panel(
                    "Models",
                    "none",
                    (
                        (
                            "{{name}} {{version}} on {{device}}",
                            "count by (name, version, device) (triage_model_info{NS})",
                        ),
                    ),
                    kind="stat",
                    shows_name=True,
                ),
            ),
            columns=6,
        ),
        Row(
            "Does it keep up",
            (
                Panel(
                    "Lag in seconds",
                    "s",
                    (("{{job}}", "max by (job) (triage_lag_seconds{NS})"),),
                    thresholds=((60, "red"),),
                ),
                Panel("Lag in messages", "short", (("{{job}}", "sum by (job) (triage_lag_messages{NS})"),)),
                Panel(
                    "End to end",
                    "s",
                    quantiles("triage_latency_seconds", "job", legend="{{job}}"),
                    "From a message's timestamp to the broker's acknowledgement of its answer.",
                ),
                Panel(
                    "Read and answered",
                    "reqps",
                    (
                        ("read", f"sum(rate(triage_messages_read_total{WORKER}}}[$__rate_interval]))"),
                        ("answered", f"sum(rate(triage_messages_answered_total{WORKER}}}[$__rate_interval]))"),
                        ("given back", f"sum(rate(triage_messages_given_back_total{WORKER}}}[$__rate_interval]))"),
                    ),
                ),
                Panel(
                    "Lag of each partition",
                    "s",
                    (("{{partition}}", f"max by (partition) (triage_lag_seconds{WORKER}}})"),),
                    "One line high above the others is a hot key.",
                ),
                Panel(
                    "In flight",
                    "short",
                    (("{{job}}", "sum by (job) (triage_in_flight_messages{NS})"),),
                ),
            ),
        ),
        Row(
            "Where the time goes",
            (
                Panel(
                    "Time spent in stages",
                    "percentunit",
                    (("{{stage}}", "sum by (stage) (rate(triage_stage_seconds_sum{NS}[$__rate_interval]))"),),
                    "Seconds of each stage in a second, over all pods. Stages overlap.",
                    stacked=True,
                ),
                Panel("One call of a stage", "s", quantiles("triage_stage_seconds", "stage", legend="{{stage}}")),
                Panel("Messages in a batch", "none", quantiles("triage_batch_messages")),
                Panel("Padded tokens in a batch", "none", quantiles("triage_batch_tokens")),
                Panel(
                    "Tokens per second",
                    "short",
                    (("padded tokens", "sum(rate(triage_batch_tokens_sum{NS}[$__rate_interval]))"),),
                ),
                Panel(
                    "CPU of each pod",
                    "none",
                    (("{{instance}}", 'rate(process_cpu_seconds_total{NS, job=~"triage-.+"}[$__rate_interval])'),),
                ),
            ),
        ),
        Row(
            "Group, transactions, memory",
            (
                Panel(
                    "Rebalances",
                    "none",
                    (("{{job}}", "sum by (job) (increase(triage_rebalance_seconds_count{NS}[5m]))"),),
                ),
                Panel("Time of a rebalance", "s", quantiles("triage_rebalance_seconds")),
                Panel(
                    "Transactions",
                    "ops",
                    (("{{result}}", "sum by (result) (rate(triage_transactions_total{NS}[$__rate_interval]))"),),
                ),
                Panel(
                    "Memory of each pod",
                    "bytes",
                    (("{{instance}}", 'process_resident_memory_bytes{NS, job=~"triage-.+"}'),),
                ),
                Panel("Bytes in flight", "bytes", (("{{instance}}", "triage_in_flight_bytes{NS}"),)),
                Panel(
                    "Open files",
                    "none",
                    (("{{instance}}", 'process_open_fds{NS, job=~"triage-.+"}'),),
                ),
            ),
        ),
    ),
)
