"""How long training and measuring networks takes on this machine, from steps that were timed here."""

from dataclasses import dataclass

from skipscope.engine.autotune import Autotuner
from skipscope.engine.estimate import FORWARD
from skipscope.engine.measuring import start_passes
from skipscope.spec import Backend, Recipe


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Asks the autotuner, which measures what it does not know."""

    tuner: Autotuner
    backend: Backend
    """Computes what a recipe leaves open."""

    def per_image(self, model: str, recipe: Recipe) -> float:
        """Returns the seconds of a training step, per image."""
        return self.tuner.timing(model, recipe.backend(self.backend)).seconds

    def a_pass(self, model: str, recipe: Recipe) -> float:
        """Returns the seconds of a forward pass, per image, as probes compute: in fp32."""
        fp32 = recipe.backend(self.backend).model_copy(update={"precision": "fp32"})
        return FORWARD * self.tuner.timing(model, fp32).seconds

    def at_start(self, model: str, recipe: Recipe) -> float:
        """Returns the seconds in which a network is measured before its first step."""
        return self.a_pass(model, recipe) * start_passes(model)
