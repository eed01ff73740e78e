"""The smallest record of a run."""

from skipscope.records.network_card import NetworkCard
from skipscope.records.schema import Environment, RunRecord
from skipscope.spec import DataRef, Recipe, RunSpec

SPEC = RunSpec(
    model="cnn",
    seed=0,
    recipe=Recipe(precision="fp32", memory_format="contiguous", kernels="stock", threads=1),
    data=DataRef(name="shapes", sha256="0" * 64),
)
RECORD = RunRecord(
    id=SPEC.id,
    spec=SPEC,
    state="unfinished",
    started="2026-01-01T00:00:00+00:00",
    environment=Environment(versions={}, machine={}, threads=1, git=None),
    network=NetworkCard(name="cnn", structure="Net()", params=1, macs=1, stages=()),
)
