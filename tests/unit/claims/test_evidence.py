"""A study's records as claims read them: kinds of networks, and runs that ended."""

from made_up_evidence import evidence

from skipscope.analysis.quantities import QUANTITIES
from skipscope.claims.evidence import Evidence, Planned
from skipscope.records.network_card import Unfollowed
from skipscope.spec import StudySpec, load_study


def test_a_seed_takes_what_its_runs_took_side_by_side() -> None:
    """Their training: what measures runs is not in their records, and older ones have seconds of it."""
    numbers = {("cnn", 0): {"seconds": 20.0, "probe_seconds": 10.0}, ("cnn", 1): {"seconds": 50.0}}
    found = evidence("cnn", "resnet8", seeds=2, numbers=numbers)
    assert found.seconds_per_seed == (20 + 50) / 2 + 10
    for entry in found.tables.entries:  # two cores compute two runs of a thread each
        entry.record.environment.machine["cores"] = 2
    assert Evidence(found.tables, QUANTITIES).seconds_per_seed == found.seconds_per_seed / 2
    assert evidence("cnn", "resnet8", missing=[("cnn", 0)]).seconds_per_seed is None


def test_kinds_are_told_by_structure_and_before_there_is_a_record_by_name() -> None:
    planned = Planned(load_study("fair"))
    assert planned.is_residual("se_resnet20")
    assert planned.is_gated("se_resnet20")
    assert not planned.is_gated("resnet20")
    assert planned.is_plain("plain20")
    assert planned.is_dense("densenet22_k12")
    assert planned.is_normalised("plain20")
    assert not Planned(load_study("depth")).is_normalised("plain8_nobn")
    found = evidence("resnet8", "densenet19_k10", "plain8_nobn")
    assert (found.is_residual("resnet8"), found.is_dense("densenet19_k10")) == (True, True)
    assert not found.is_normalised("plain8_nobn")
    assert found.depths(("resnet8", "densenet19_k10")) == [8, 19]


def test_runs_that_failed_have_no_numbers_and_are_known() -> None:
    found = evidence("resnet8", failed={("resnet8", 0): "diverged"})
    [failed] = found.runs["resnet8"].values()
    assert failed.state == "failed"
    assert found.done["resnet8"] == {}
    assert found.right("resnet8") == {}


def test_a_users_network_is_judged_by_its_anatomy_and_never_by_its_name() -> None:
    models = ["mine.py:resnet20", "mine.py:plain20"]
    study = StudySpec.model_validate({"name": "own", "arm": [{"model": model} for model in models]})
    assert {each.factor for each in study.comparisons} <= {"network"}
    planned = Planned(study)
    for arm in ("resnet20", "plain20"):
        assert not planned.is_residual(arm)
        assert not planned.is_plain(arm)  # nothing is known of it
    found = evidence("resnet8", "plain8")
    card, plain = found.cards["resnet8"], found.cards["plain8"]
    found.cards = {"resnet8": plain, "plain8": card}
    assert found.is_plain("resnet8")
    assert found.is_residual("plain8")
    hidden = Unfollowed(module="", operator="module", reason="hidden", shape=())
    unknown = plain.anatomy.model_copy(update={"unfollowed": (hidden,)})
    found.cards = {"resnet8": plain.model_copy(update={"anatomy": unknown})}
    assert not found.is_plain("resnet8")
    assert not found.is_residual("resnet8")
