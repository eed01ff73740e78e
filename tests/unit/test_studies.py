"""Shipped studies say in their heads what they are."""

import re

import pytest

from skipscope.anatomy.describe import describe
from skipscope.spec import load_study, shipped_studies

_ROW = re.compile(
    r"#   (?P<arms>[a-z]\S*(?:, \S+)?(?: at three rates)?) +(?P<seeds>\d+) +(?P<images>[\d,]+)"
    r" x (?P<epochs>\d) +(?P<ms>[\d.]+(?:, [\d.]+)?) +(?P<training>[\d,]+)(?: +(?P<probes>\d+))?$"
)
MOST_SECONDS = 7_260
"""Two cores have 7,200 in an hour; what is reckoned is not finer than a minute."""


def number(text: str | None) -> int:
    return int((text or "0").replace(",", ""))


def test_the_table_of_the_evening_is_its_arms_and_its_sum_an_hour_of_two_cores() -> None:
    study = load_study("evening")
    lines = shipped_studies()["evening"].read_text("utf-8").splitlines()
    rows = [found for line in lines if (found := _ROW.match(line))]
    told = []
    for row in rows:
        at_rates = "rates" in row["arms"]
        for model in row["arms"].removesuffix(" at three rates").split(", "):
            size = (number(row["seeds"]), number(row["images"]), number(row["epochs"]))
            told += [(model, at_rates, *size)] * (3 if at_rates else 1)
    own = []
    for arm in study.arm:
        size = (study.seeds_of(arm), study.train_limit, study.recipe_of(arm).epochs)
        own.append((arm.model, arm.label in study.at_other_rates, *size))
    assert sorted(told) == sorted(own)
    (starts,) = (re.findall(r"#   (\d+) networks before the first step +(\d+) +([\d,]+)", "\n".join(lines)),)
    assert [(number(count), number(seeds)) for count, seeds, _ in starts] == [
        (len({*(arm.model for arm in study.arm), *study.initial}), study.initial_seeds)
    ]
    training = sum(number(row["training"]) for row in rows)
    probes = sum(number(row["probes"]) for row in rows) + number(starts[0][2])
    assert f"{training:,} + {probes:,} = {training + probes:,}" in "\n".join(lines)
    assert training + probes <= MOST_SECONDS


@pytest.mark.parametrize("name", ["fair", "stem"])
def test_parameters_in_a_head_are_the_networks(name: str) -> None:
    text = shipped_studies()[name].read_text("utf-8")
    rows = re.findall(r"^#   (\w+) +([\d,]{6,}) ", text, re.MULTILINE)
    told = {network: number(params) for network, params in rows}
    assert told == {arm.model: describe(arm.model).params for arm in load_study(name).arm}


def test_arms_that_are_compared_share_their_recipe_but_for_the_rate() -> None:
    study = load_study("evening")
    classroom = {study.recipe_of(arm) for arm in study.arm if not re.search(r"\d", arm.model)}
    others = {
        study.recipe_of(arm).model_copy(update={"learning_rate": 1.0})
        for arm in study.arm
        if re.search(r"\d", arm.model)
    }
    assert len(classroom) == len(others) == 1
