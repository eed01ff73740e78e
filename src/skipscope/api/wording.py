"""Numbers, durations and commands as people write them."""

from collections.abc import Mapping


def counted(number: int, noun: str) -> str:
    """Formats a number of things: 1 run, 2 runs."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Formats a duration: 12 s, 3 min 05 s, 2 h 10 min, 13 d 04 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600:02} h"


def flags(values: Mapping[str, object]) -> list[str]:
    """Lists options as they are typed: --train-limit 200; those that are None are left out."""
    return [
        word
        for key, value in values.items()
        if value is not None
        for word in (f"--{key.replace('_', '-')}", str(value))
    ]
