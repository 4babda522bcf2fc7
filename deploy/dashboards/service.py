"""The service dashboard: throughput, lag, accounting, and time by stage."""

from deploy.dashboards.panels import WORKER, Board, Panel, Row, quantiles

SERVICE = Board(
    uid="triage-service",
    title="Triage: service",
    description="Throughput and lag, accounting of messages, and time by stage.",
    span="3h",
    rows=(
        Row(
            "Overview",
            (
                Panel(
                    "Age of the oldest message",
                    "s",
                    (("", "max(triage_lag_seconds{NS})"),),
                    "Age of the oldest message that is not answered yet. Alerts at 60 s and 15 min.",
                    "stat",
                    ((30, "orange"), (60, "red")),
                ),
                Panel(
                    "Messages per second",
                    "reqps",
                    (("", f'sum(rate(triage_messages_answered_total{WORKER}, outcome!="skipped"}}[5m]))'),),
                    "Without skipped records, which are no message.",
                    "stat",
                ),
                Panel(
                    "Accepted share",
                    "percentunit",
                    (("", "avg(triage:acceptance:ratio15m{NS})"),),
                    "Share of the readable messages that the model accepts.",
                    "stat",
                ),
                Panel(
                    "Unaccounted messages",
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
                    "Read − (accepted + fallback + review + dead letters + skipped + returned + in flight). Must be 0.",
                    "stat",
                    ((1, "red"),),
                ),
                Panel(
                    "Services ready",
                    "none",
                    (("{{job}}", "sum by (job) (triage_ready{NS})"),),
                    "Pods whose /readyz succeeds.",
                    "stat",
                ),
                Panel(
                    "Models",
                    "none",
                    (
                        (
                            "{{name}} {{version}} for {{serves}} on {{device}}",
                            "count by (name, version, serves, device) (triage_model_info{NS})",
                        ),
                    ),
                    kind="stat",
                    shows_name=True,
                ),
            ),
            columns=6,
        ),
        Row(
            "Throughput and lag",
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
                        ("returned", f"sum(rate(triage_messages_given_back_total{WORKER}}}[$__rate_interval]))"),
                    ),
                ),
                Panel(
                    "Lag of each partition",
                    "s",
                    (("{{topic}} {{partition}}", f"max by (topic, partition) (triage_lag_seconds{WORKER}}})"),),
                    "A single line far above the others indicates a hot key.",
                ),
                Panel(
                    "Messages of each topic",
                    "reqps",
                    (
                        (
                            "{{topic}}",
                            f"sum by (topic) (rate(triage_topic_messages_read_total{WORKER}}}[$__rate_interval]))",
                        ),
                        (
                            "{{topic}}: dead letters",
                            "sum by (topic) (rate(triage_topic_messages_answered_total"
                            f'{WORKER}, outcome="dead_letter"}}[$__rate_interval]))',
                        ),
                    ),
                ),
                Panel(
                    "In flight",
                    "short",
                    (("{{job}}", "sum by (job) (triage_in_flight_messages{NS})"),),
                ),
            ),
        ),
        Row(
            "Time by stage",
            (
                Panel(
                    "Time spent in each stage",
                    "percentunit",
                    (("{{stage}}", "sum by (stage) (rate(triage_stage_seconds_sum{NS}[$__rate_interval]))"),),
                    "Seconds spent in each stage per second, over all pods. Stages overlap.",
                    stacked=True,
                ),
                Panel("Duration of a stage", "s", quantiles("triage_stage_seconds", "stage", legend="{{stage}}")),
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
            "HTTP, intake, helpdesk",
            (
                Panel(
                    "Requests",
                    "reqps",
                    (
                        (
                            "{{job}} {{status}}",
                            "sum by (job, status)"
                            ' (rate(triage_http_request_seconds_count{NS, route=~"/v1/.+"}[$__rate_interval]))',
                        ),
                    ),
                    "Of triage serve and triage intake, without probes.",
                    stacked=True,
                ),
                Panel(
                    "Duration of a request",
                    "s",
                    quantiles("triage_http_request_seconds", "job", '{NS, route=~"/v1/.+"}', "{{job}}"),
                ),
                Panel(
                    "Refused requests",
                    "reqps",
                    (
                        (
                            "{{job}} {{code}}",
                            "sum by (job, code) (rate(triage_http_problems_total{NS}[$__rate_interval]))",
                        ),
                    ),
                    stacked=True,
                ),
                Panel(
                    "Texts by key",
                    "ops",
                    (("{{key}}", "sum by (key) (rate(triage_http_texts_total{NS}[$__rate_interval]))"),),
                    "Texts that triage serve has classified.",
                    stacked=True,
                ),
                Panel(
                    "Messages of each source",
                    "ops",
                    (
                        (
                            "{{source}} {{outcome}}",
                            "sum by (source, outcome) (rate(triage_intake_messages_total{NS}[$__rate_interval]))",
                        ),
                    ),
                    "Webhooks and mailboxes that triage intake has written, and what was no message.",
                    stacked=True,
                ),
                Panel("From a webhook to Kafka", "s", quantiles("triage_intake_write_seconds")),
                Panel(
                    "Values left alone",
                    "none",
                    (("{{field}}", "sum by (field) (increase(triage_helpdesk_left_alone_total{NS}[1h]))"),),
                    "Values in an hour that were not written on customers' tickets, since a person decided otherwise.",
                    stacked=True,
                ),
                Panel(
                    "What agents taught",
                    "none",
                    (("{{outcome}}", "sum by (outcome) (increase(triage_helpdesk_labels_total{NS}[1h]))"),),
                    "Agents' changes in an hour, by what came of them.",
                    stacked=True,
                ),
                Panel(
                    "Tickets without custom fields",
                    "none",
                    (("calls", "sum(increase(triage_helpdesk_fields_refused_total{NS}[1h]))"),),
                    "Calls in an hour that left out custom fields, since the helpdesk refuses them.",
                ),
            ),
        ),
        Row(
            "Consumer group, transactions, memory",
            (
                Panel(
                    "Rebalances",
                    "none",
                    (("{{job}}", "sum by (job) (increase(triage_rebalance_seconds_count{NS}[5m]))"),),
                ),
                Panel("Duration of a rebalance", "s", quantiles("triage_rebalance_seconds")),
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
