"""Follow a network's calls: which operators it applies, to what, and with what result.

`capture` alone, in the whole package, observes a network or replaces a call's output. It does not
look at the network's classes: a torch function mode sees every call, and the calls alone tell what is a
shortcut (an addition of two maps that lie a different number of convolutions from the image), a gate (a map
times a sigmoid's output), a dense connection (a concatenation), and which source each channel of a map comes
from. Networks of any author are therefore covered, with functional and in-place operators. All hooks
and marks are removed when the scope ends.

Shapes: B images, C channels, H x W pixels.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from skipscope.anatomy.calls import Anatomy, Call, Edit, Site
from skipscope.anatomy.listener import Listener
from skipscope.anatomy.modes import evaluating
from skipscope.anatomy.traces import trace_of, unmark_kept


@contextmanager
def capture(
    model: nn.Module,
    see: Callable[[Call], None] | None = None,
    *,
    edit: Edit | None = None,
    edits_modules: bool = True,
) -> Iterator[None]:
    """Shows `see` every call of `model`, after `edit` could replace its output.

    A call made several times in a pass has `:2`, `:3`, ... after its name. Inputs are as they were before an
    in-place operator overwrote them. For a module's call, this takes a copy, and holds only if there is an
    `edit` that may replace its output by its input (`edits_modules`). A hook on `call.output` ends with the
    graph.
    """
    listener = Listener(model, see, edit, keeps_inputs=edit is not None and edits_modules)
    with ExitStack() as stack:
        for name, module in model.named_modules():
            stack.callback(module.register_forward_pre_hook(partial(listener.enter, name)).remove)
            stack.callback(module.register_forward_hook(listener.leave, always_call=True).remove)
        stack.callback(unmark_kept, model)
        stack.enter_context(listener)
        yield


def anatomy(model: nn.Module, images: Tensor) -> Anatomy:
    """Follows the network through one pass of these images (B C H W; two are enough) without changing it.

    Returns:
        What the network has, call by call; its `depth` is None if it could not be followed to the output.
    """
    sites: list[Site] = []
    if len(images) == 1:  # an axis of length 1 tells less
        images = torch.cat((images, images))
    with evaluating(model), torch.no_grad(), capture(model, lambda call: sites.append(Site.of(call))):
        trace = trace_of(model(images))
    return Anatomy(sites=tuple(sites), depth=None if trace is None else trace.depth)
