"""How errors read, and that chance is a function of its name."""

import pickle

import pytest

from skipscope.errors import Diverged, FontError, NetworkError, SkipscopeError, UnknownName
from skipscope.randomness import derive, generator


def test_an_error_says_what_where_and_what_next() -> None:
    assert (
        str(SkipscopeError("Broken.", where="here", hint="mend it")) == "Broken.\nwhere: here\nnext:  mend it"
    )
    assert str(SkipscopeError("Broken.")) == "Broken."


@pytest.mark.parametrize(
    "error",
    [
        NetworkError("Broken.", where="net.py, line 3", hint="mend it"),
        UnknownName("network", "ResNet", ["cnn", "resnet"], where="a.toml"),
        Diverged("The loss is infinite.", numbers={"step": 3}, hint="less"),
        FontError("No font.", hint="install one", written=()),
    ],
)
def test_an_error_of_a_worker_reaches_its_parent_as_it_was(error: SkipscopeError) -> None:
    there = pickle.loads(pickle.dumps(error))
    assert (type(there), str(there), vars(there)) == (type(error), str(error), vars(error))


def test_an_unknown_name_guesses_only_what_is_near() -> None:
    assert "Did you mean" not in str(UnknownName("network", "zzz", ["cnn"]))
    assert "Did you mean 'resnet'?" in str(UnknownName("network", "ResNet", ["cnn", "resnet"]))
    assert "Did you mean 'docx'?" in str(UnknownName("format", "Word", ["docx"], synonyms={"word": "docx"}))


def test_streams_differ_by_seed_purpose_and_epoch_and_stay_the_same_for_ever() -> None:
    keys = [derive(0, "order", 1), derive(1, "order", 1), derive(0, "augmentation", 1), derive(0, "order", 2)]
    assert len(set(keys)) == 4
    # these two bind every run ever recorded: a change of theirs is a change of the record's schema
    assert keys[0] == 0x7968AC4745839B7C
    assert generator(0, "order", 1).bit_generator.random_raw() == 8311579405040604309
