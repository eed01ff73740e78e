"""Charts of the page say once what all their layers encode alike, and are the same charts."""

import pytest
import vl_convert
from documents import built
from made_up_readings import with_readings
from made_up_workspace import write_workspace

from skipscope.analysis.tables import gather
from skipscope.report.document import PARTS
from skipscope.report.rendering.html import _hoisted


@pytest.mark.parametrize("part", PARTS)
def test_a_hoisted_chart_is_compiled_to_the_same(tmp_path, part):
    workspace = with_readings(write_workspace(tmp_path / "workspace"))
    shorter = 0
    for figure in built(gather(workspace, "lab"), "en", part=part).figures:
        hoisted = _hoisted(figure.spec)
        assert vl_convert.vegalite_to_vega(hoisted) == vl_convert.vegalite_to_vega(figure.spec), figure.name
        shorter += bool(hoisted["encoding"])
    assert shorter > 5
