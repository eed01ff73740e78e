"""What is said of dense connections, on the reference that ships and on verdicts made up."""

import pytest
from made_up_bodies import card, prose, read

from skipscope.report.document import Equation, Figure
from skipscope.report.handin.by_depth import depth_figures
from skipscope.report.handin.dense import dense
from skipscope.report.handin.reuse_map import connections
from skipscope.report.words import unmarked

START = [(f"densenet{n}_k8 - plain{m}", n) for n, m in ((19, 20), (31, 32), (55, 56))]
DEEPER = "densenet19_k8 - plain20, densenet31_k8 - plain32"
FAIR = "densenet19_k10 - resnet20"
UNEVEN = "more even gradients during training are not why"


@pytest.fixture
def tables(study_tables):
    return study_tables()


def told(tables, language="en", study="depth", **claims):
    return read(dense(prose(tables, card(study, claims), language=language)))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_the_reference_it_has_all_that_a_section_needs(tables, language):
    written = prose(tables, language=language)
    figures = depth_figures(written)
    blocks = dense(written, figures)
    text = read(blocks)
    assert sum(isinstance(block, Equation) for block in blocks) == 2
    assert unmarked(written.figure(figures[0])) in text  # has the dense networks' gradients, too
    assert "9.7 [8.8, 11]" in text  # measured, with its interval
    assert {"en": "an interval too wide to decide", "zh": "区间太宽，无法判定"}[language] in text  # a limit
    assert {"en": "The price is memory", "zh": "代价是内存"}[language] in text  # a price
    assert "3.5" in text  # counted: what convolutions keep, densenet over resnet
    assert "52%" in text  # counted: parameters of densenet19_k10 over those of resnet20


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("verdict", ["supported", "contradicted", "inconclusive"])
def test_every_verdict_has_its_words(tables, verdict, language):
    text = told(
        tables,
        language,
        D1=(verdict, [("weight", "densenet", verdict, -0.03), ("ablation", "densenet", verdict, 0.48)]),
        D2=(
            verdict,
            [
                *(("start", pair, verdict, -1.0) for pair, _ in START),
                ("training", "densenet31_k8 - plain32", verdict, -0.2),
                ("interaction", DEEPER, verdict, 12.5),
            ],
        ),
        D3=(
            verdict,
            [
                ("accuracy", FAIR, verdict, 0.75),
                ("parameters", FAIR, "supported", -48.4),
                ("arithmetic", FAIR, "supported", -4.4),
            ],
        ),
        D4=(verdict, [("rank", "a - b", verdict, 0.11), ("correlation", "a - b", verdict, -0.22)]),
    )
    for number in ("12.5", "+0.75", "52%", "96%"):
        assert number in text, number
    assert ("−0.03" in text) == (verdict == "contradicted")  # the weights, only where they change the verdict
    reused = ("training raises the share of connections in use" in text, "特征确实得到了复用" in text)
    assert any(reused) == (verdict == "supported")
    assert ("+48" in text) == (verdict == "contradicted")  # a rise needs no sign
    assert ("0.11" in text) == (verdict != "inconclusive")  # of redundancy a verdict or nothing


def test_better_training_is_not_put_down_to_gradients_that_are_less_even(tables):
    def deeper(training, effect, verdict="supported"):
        parts = [
            ("training", "densenet31_k8 - plain32", training, effect),
            ("interaction", DEEPER, verdict, 12.5),
        ]
        return told(tables, D2=("supported", parts))

    worse = deeper("contradicted", 0.5)
    assert "less even than those of the 32-layer plain network (1.7 [1.4, 2.3])" in worse
    assert UNEVEN in worse
    same = deeper("contradicted", -0.1)
    assert "not clearly nearer to 1" in same
    assert UNEVEN not in same
    assert UNEVEN not in deeper("contradicted", 0.5, "inconclusive")
    assert "The advantage lasts" in deeper("supported", -0.5)


def test_networks_that_differ_in_more_than_their_connections_carry_no_verdict(tables):
    pair = "densenet - resnet"
    withheld = [("accuracy", pair, "confounded", 3.3), ("parameters", pair, "confounded", -84.3)]
    text = told(tables, study="lab", D3=("confounded", withheld))
    assert "The assignment's own pair cannot tell" in text
    assert "densenet has 16% of the parameters of resnet" in text
    assert "suffice" not in text


def test_a_dense_network_of_ones_own_shows_its_connections(small):
    tables = small(arms=("cnn", "densenet"))
    written = prose(tables, card("depth", {}))
    table = connections(written)
    assert table is not None
    assert set(table["block"]) == {1}
    [figure] = [block for block in dense(written) if isinstance(block, Figure)]
    assert figure.name == "reuse"
    text = read(dense(written))
    single = table.filter(table["target"] != "all")["loss_change"]
    bound = max(0.001, -single.min())
    assert f"cutting {(single > bound).sum()} of {len(single)} connections raises the loss" in text
    sources = [f"x{index}" for index in "₀₁₂₃₄₅₆"]
    readers = [f"f{index}" for index in "₁₂₃₄₅₆"]
    assert figure.table["of"].unique(maintain_order=True).to_list() == sources
    assert figure.table["to"].unique(maintain_order=True).to_list() == [*readers, "transition", "all readers"]
    for reader, of in figure.table.group_by("to", maintain_order=True).agg("of").iter_rows():
        reads = (
            len(sources)
            if len(reader) > 2
            else int(reader[1:].translate(str.maketrans("₀₁₂₃₄₅₆", "0123456")))
        )
        assert of == sources[:reads]  # as the equation has it: f of l reads x of 0 to l - 1
    ablations = tables.readings.filter(probe="reuse_by_ablation", arm="densenet").select("module", "source")
    assert f"mean over {7_000 // (1 + ablations.n_unique())} validation images" in figure.caption
    embedded = prose(small(arms=("cnn", "densenet"), data="shapes"), card("depth", {}))
    assert connections(embedded) is None  # it is no CIFAR-10
