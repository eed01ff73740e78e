"""tools/cluster_scaling.py: what bounds a study on a cluster, and the page that holds the tables."""

import re
import runpy
from pathlib import Path

import pytest

TOOL = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "cluster_scaling.py"), run_name="scaling")
Run, Driver, simulate = TOOL["Run"], TOOL["Driver"], TOOL["simulate"]
FREE = Driver(run=0.0, call=0.0, megabyte=0.0, start=0.0)
COPY = TOOL["DATA"] / TOOL["LINK"]
"""Seconds for the data set to reach one node."""


def of(*seconds: float) -> list[object]:
    return [Run(seed=0, seconds=each, checkpoint=10.0, between=20.0) for each in seconds]


def test_the_longest_run_bounds_a_study_and_the_data_reach_a_node_once() -> None:
    assert simulate(of(50, 30, 20), 1, FREE).seconds == pytest.approx(100 + COPY)
    assert simulate(of(50, 30, 20), 2, FREE).seconds == pytest.approx(50 + 2 * COPY)
    assert simulate(of(50, 30, 20), 64, FREE).seconds == pytest.approx(50 + COPY)


def test_nodes_that_pass_the_data_on_have_them_sooner() -> None:
    many = of(*[100.0] * 63)
    assert simulate(many, 63, FREE).seconds == pytest.approx(100 + 63 * COPY)
    assert simulate(many, 63, FREE, passed_on=True).seconds == pytest.approx(100 + 6 * COPY)


def test_what_runs_cost_the_driver_queues_there() -> None:
    driver = Driver(run=2.0, call=0.0, megabyte=0.0, start=5.0)
    assert simulate(of(*[100.0] * 10), 10, driver).seconds == pytest.approx(10 * COPY + 5 + 100 + 1)
    busy = Driver(run=0.0, call=0.001, megabyte=0.01, start=0.0)
    found = simulate(of(*[100.0] * 10), 10, busy)
    assert (found.busy, found.traffic) == pytest.approx((10 * 0.001 + 5 * 0.01, 5.0))


def test_the_tables_of_the_page_are_those_of_the_records() -> None:
    page = TOOL["PAGE"].read_text(encoding="utf-8")
    assert TOOL["page"](TOOL["table"](name, runs) for name, runs in TOOL["recorded"]()) == page
    assert len(re.findall(r"^\| 1,000 \|", page, re.MULTILINE)) == 3
