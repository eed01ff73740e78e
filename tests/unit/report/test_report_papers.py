"""Papers beside ours, in a report."""

import pytest
from documents import context_of

from skipscope.analysis.tables import gather
from skipscope.report.appendix.papers import papers as papers_section
from skipscope.report.document import Note, Table
from skipscope.report.words import unmarked

HE = {
    "epochs": 182,
    "learning_rate": 0.1,
    "nesterov": False,
    "weight_decay": 1e-4,
    "warmup_epochs": 0.0,
    "milestones": [0.5, 0.75],
    "precision": "fp32",
}


@pytest.fixture
def papers(made_up, monkeypatch):
    """`papers(language, arms=...)`: the section, or None."""

    def of(language="en", **variant):
        tables = gather(made_up(**{"epochs": 2, "steps": 4} | variant), None)
        return next(iter(papers_section(context_of(tables, language, results=()))), None)

    return of


def cells(section):
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert all(len(row) == len(table.columns) for row in table.rows)
    return [[unmarked(cell).replace("\u00a0", " ") for cell in row] for row in table.rows]


@pytest.mark.parametrize(
    "variant", [{"arms": ("cnn", "resnet", "plain20")}, {"arms": ("resnet20",), "data": "shapes"}]
)
def test_where_papers_say_nothing_there_is_no_section(papers, variant):
    assert papers(**variant) is None


def test_a_known_network_stands_beside_its_value_and_every_difference_is_named(papers):
    section = papers(arms=("plain20", "resnet20"))
    assert section.id == "papers"
    (row,) = cells(section)
    assert row[0] == "resnet20"
    assert row[1] == "8.75% (He et al. 2015, Table 6)"
    assert row[3:5] == ["0.27M", "83,126"]
    error, interval = row[2].split(" [")
    low, high = interval.rstrip("]").split(", ")
    assert float(low) < float(error.removesuffix("%")) < float(high)
    for told in (
        "updates 702 (paper: 64,000)",
        "learning rate 0.02 (paper: 0.1)",
        "Nesterov yes (paper: no)",
        "schedule half a cosine (paper: divided by 10 after 50% and 75%)",
        "gradient norm clipped at 1 (paper: none)",
        "precision bf16 (paper: fp32)",
    ):
        assert told in row[5]
    assert "momentum" not in row[5]
    assert any(isinstance(block, Note) and "curves only" in block.text for block in section.blocks)


def test_only_the_papers_own_recipe_is_called_the_same(papers):
    # a made-up run has as many rows as it likes: what counts is its recipe; a norm of 1e9 is never reached,
    # but it is cut at
    section = papers(
        arms=("resnet20", "resnet32"), recipes={"resnet20": HE | {"clip_norm": 1e9}, "resnet32": HE}
    )
    first, second = cells(section)
    assert first[5] == "gradient norm clipped at 1e+09 (paper: none)"
    assert second[5] == "gradient norm clipped at 1 (paper: none)"
    assert not any("same recipe" in cell for cell in first + second)


def test_the_same_recipe_is_said_to_be(papers, monkeypatch):
    monkeypatch.setattr("skipscope.report.appendix.papers.differences", lambda *_: [])
    (row,) = cells(papers(arms=("resnet20",)))
    assert row[5] == "same recipe as He et al. 2015, section 4.2"


def test_several_seeds_have_a_range_and_unfinished_ones_no_result(papers):
    section = papers(arms=("resnet20", "resnet32"), seeds=2, missing=("resnet32",))
    first, _ = cells(section)
    assert "–" in first[2]
    (row,) = cells(papers(arms=("resnet44",), name="other", missing=("resnet44",)))
    assert row[2] == "no result"
    assert row[4] == "—"
    assert "updates 702 (paper: 64,000)" in row[5]


@pytest.mark.parametrize(("language", "said"), [("en", "without gates"), ("zh", "无门控时")])
def test_gated_networks_have_their_baseline_and_no_recipe(papers, language, said):
    (row,) = cells(papers(language, arms=("se_resnet164",)))
    assert said in row[1]
    assert "5.46" in row[1]
    assert row[3] == "—"
    assert row[5] == {"en": "the paper's recipe for CIFAR-10 is not known here"}.get(language, row[5])
    assert {"en": "bottlenecks", "zh": "瓶颈块"}[language] in row[1]


def test_without_augmentation_the_error_is_that_without_it(papers):
    (row,) = cells(papers(arms=("densenet40_k12",), recipes={"densenet40_k12": {"augmentation": "none"}}))
    assert row[1] == "7.00% (Huang et al. 2017, Table 2); without augmentation"
    assert "the paper uses dropout of 0.2" in row[5]
    assert "augmentation" not in row[5]


def test_what_the_paper_did_besides_is_told_in_chinese_too(papers):
    (row,) = cells(papers("zh", arms=("resnet110",)))
    assert "论文在训练错误率降到 80% 以下之前用学习率 0.01" in row[5]
    assert "五次中最好的一次" in row[1]
    assert "学习率调度：半个余弦（论文：在 50% 和 75% 处除以 10）" in row[5]
