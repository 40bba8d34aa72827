"""Metrics: each is named and described, and each server has its own."""

from __future__ import annotations

import re

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from chatsrv.metrics import Metrics


def test_every_metric_is_ours_by_name_and_described_in_a_sentence() -> None:
    families = list(text_string_to_metric_families(Metrics().render().decode()))
    assert families
    for family in families:
        assert re.fullmatch(r"chatsrv_[a-z_]+", family.name)
        assert re.fullmatch(r"[A-Z].*\.", family.documentation)


def test_every_metric_that_the_code_can_move_is_shown() -> None:
    metrics = Metrics()
    ours = [value for value in vars(metrics).values() if isinstance(value, Counter | Gauge | Histogram)]
    shown = {family.name for family in metrics.registry.collect()}
    assert {next(iter(metric.describe())).name for metric in ours} == shown
    assert len(ours) == len(vars(metrics)) - 1  # the registry


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.flushed.inc(3)
    one.requests.labels("native", "GET", "200").inc()
    assert b"chatsrv_clocks_flushed_total 3.0" in one.render()
    assert b"chatsrv_clocks_flushed_total 0.0" in other.render()
    assert b'chatsrv_http_requests_total{dialect="native",method="GET",status="200"} 1.0' in one.render()
    assert b"chatsrv_http_requests_total{" not in other.render()


def test_times_are_counted_finely_enough_for_fast_answers() -> None:
    metrics = Metrics()
    metrics.request_seconds.labels("native").observe(0.0004)
    assert b'chatsrv_http_request_seconds_bucket{dialect="native",le="0.0005"} 1.0' in metrics.render()
