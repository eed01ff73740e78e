"""The study that takes seconds."""

from small_study import denormals, small, workspace  # noqa: F401
