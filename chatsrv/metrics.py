"""Every metric, named and described once. One registry for each server, none for the process.

Several processes that serve as one share a folder, which prometheus_client finds in the variable FOLDER when it is
imported: each then counts in files of its own there, and any of them can tell the sum.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER = "PROMETHEUS_MULTIPROC_DIR"

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FAST_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The metrics of one server process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "chatsrv_http_requests",
            "HTTP answers sent.",
            ("dialect", "method", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "chatsrv_http_request_seconds",
            "Time from a request's headers to its answer.",
            ("dialect",),
            buckets=FAST_BUCKETS,
            registry=self.registry,
        )
        self.remembered = Counter(
            "chatsrv_http_remembered",
            "Answers given again without being made anew; request_seconds does not know them.",
            ("dialect",),
            registry=self.registry,
        )
        self.refused_by_rate = Counter(
            "chatsrv_http_rate_limited",
            "Requests refused because of their rate.",
            ("kind",),
            registry=self.registry,
        )
        self.limits_reached = Counter(
            "chatsrv_limits_reached",
            "Requests refused, and clients cut off, because of a limit, by the setting that holds it.",
            ("limit",),
            registry=self.registry,
        )
        self.refused_credentials = Counter(
            "chatsrv_credentials_refused",
            "Keys, tokens and passwords refused, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.sockets = Gauge(
            "chatsrv_sockets",
            "Socket.IO connections open on this server.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.observers = Gauge(
            "chatsrv_observers",
            "Socket.IO connections on this server that watch all of an app.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.tasks = Gauge(
            "chatsrv_tasks",
            "Tasks of the event loop that have not ended; at rest always the same few.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.connects = Counter(
            "chatsrv_socket_connects",
            "Sockets that asked to connect, by outcome.",
            ("outcome",),
            registry=self.registry,
        )
        self.disconnects = Counter(
            "chatsrv_socket_disconnects",
            "Sockets that ended, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.changes = Counter(
            "chatsrv_presence_changes_seen", "Presence changes read from the log.", registry=self.registry
        )
        self.feed_failures = Counter(
            "chatsrv_presence_feed_failures",
            "Times the change log could not be read.",
            registry=self.registry,
        )
        self.swept = Counter(
            "chatsrv_sessions_swept",
            "Sessions ended by the sweep, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self.claims_due = Counter(
            "chatsrv_claims_due",
            "Users whose claims ended or began to count by time.",
            registry=self.registry,
        )
        self.mended = Counter(
            "chatsrv_sessions_mended",
            "Sessions that reconciliation put right, by way.",
            ("way",),
            registry=self.registry,
        )
        self.flushed = Counter(
            "chatsrv_clocks_flushed", "Users whose clocks went to the database.", registry=self.registry
        )
        self.lost_sign_ins = Counter(
            "chatsrv_sign_ins_lost",
            "Entries of the sign-in log given up because the database was away too long.",
            registry=self.registry,
        )
        self.webhook_deliveries = Counter(
            "chatsrv_webhook_deliveries",
            "Attempts to deliver to a webhook, and what was given up without one, by outcome.",
            ("outcome",),
            registry=self.registry,
        )
        self.webhook_seconds = Histogram(
            "chatsrv_webhook_seconds",
            "How long an attempt took.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0),
            registry=self.registry,
        )
        self.webhook_queue = Gauge(
            "chatsrv_webhook_queue",
            "Deliveries that wait, those for the next attempt too, in all apps.",
            registry=self.registry,
            multiprocess_mode="mostrecent",
        )
        self.webhook_queue_seconds = Gauge(
            "chatsrv_webhook_queue_seconds",
            "Age of the oldest of them.",
            registry=self.registry,
            multiprocess_mode="mostrecent",
        )
        self.webhooks_disabled = Counter(
            "chatsrv_webhooks_disabled",
            "Webhooks that were disabled because nothing arrived.",
            registry=self.registry,
        )
        self.history_written = Counter(
            "chatsrv_history_written", "Changes that went into the presence history.", registry=self.registry
        )
        self.history_gaps = Counter(
            "chatsrv_history_gaps",
            "Times the change log did not go on where the presence history had come to.",
            registry=self.registry,
        )
        self.loop_failures = Counter(
            "chatsrv_worker_failures",
            "Rounds of a background loop that failed.",
            ("loop",),
            registry=self.registry,
        )

    def render(self) -> bytes:
        """The Prometheus text of this process, or of all that share its folder."""
        if not os.environ.get(FOLDER):
            return generate_latest(self.registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]  # this file of theirs has no types
        return generate_latest(everybody)


def forget_process(pid: int, folder: str) -> None:
    """What it counted stays; what it had at the moment of its end is nothing any more."""
    mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]  # the same file
