"""Turns altair's layers into Vega-Lite as `to_dict` does, in a third of the time.

That asks each text and number whether it can be turned into a dictionary, by a protocol that looks for the
method in every class it has: half of a report's charts is spent on it. What is not of the usual kinds is
left to altair; a test compares both for every chart.
"""

from typing import Any

import altair as alt
from altair.utils import parse_shorthand

CONTEXT = {"top_level": False}
_OF_OBJECTS: Any = alt.SchemaBase.to_dict
_OF_FIELDS: Any = alt.X.to_dict


def plain(layer: alt.Chart) -> dict[str, Any]:
    """Returns the layer's Vega-Lite without data."""
    members = layer._kwds  # noqa: SLF001 - altair has no other way to list them
    found = {
        key: _plain(part) for key, part in members.items() if part is not alt.Undefined and key != "data"
    }
    return found | ({"mark": {"type": found["mark"]}} if isinstance(found["mark"], str) else {})


def _plain(part: Any) -> Any:
    match part:
        case str() | bool() | int() | float() | None:
            return part
        case list() | tuple():
            return [_plain(each) for each in part]
        case dict():
            return {key: _plain(value) for key, value in part.items() if value is not alt.Undefined}
        case alt.SchemaBase():
            return _object(part)
    return alt.SchemaBase(part=part).to_dict(validate=False)["part"]


def _object(part: alt.SchemaBase) -> Any:
    members, to_dict = part._kwds, type(part).to_dict  # noqa: SLF001
    field = to_dict is _OF_FIELDS and isinstance(members.get("shorthand"), str)
    if part._args or not (field or to_dict is _OF_OBJECTS):  # noqa: SLF001
        return part.to_dict(validate=False, context=dict(CONTEXT))
    own = {key: value for key, value in members.items() if key != "shorthand"}
    if field:
        parsed = parse_shorthand(members["shorthand"])
        if "type" not in members:  # secondary channels have none
            parsed.pop("type", None)
        for key, value in parsed.items():
            if own.get(key, alt.Undefined) is alt.Undefined:
                own[key] = value
    return {key: _plain(value) for key, value in own.items() if value is not alt.Undefined}
