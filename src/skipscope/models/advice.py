"""Says what to change in a user's network, by what torch or Python says of it."""

import re

ADVICE = {
    r"not compiled with CUDA|No CUDA GPUs|no NVIDIA driver|CUDA error": (
        "leave out .cuda() and names of devices: skipscope moves network and images; new tensors are made "
        "with device=x.device"
    ),
    r"mat1 and mat2 shapes|invalid for input of size|can't be greater than actual|Output size is too small"
    r"|doesn't match model|Wrong image size": (
        "images are 3 x 32 x 32, in batches of any size: fit the layer to them (nn.LazyLinear finds its "
        "size); one made for 224 x 224 begins forward by x = torch.nn.functional.interpolate(x, 224)"
    ),
    r"to have \d+ channels, but got 3": "images have 3 channels: begin with nn.Conv2d(3, ...)",
    r"more than 1 value per channel": (
        "BatchNorm needs more than one number a channel: pool later, or give a larger batch_size"
    ),
    r"ScriptModule": "leave out torch.jit.script and trace: what is called inside cannot be followed",
    r"No module named '([\w.]+)'": "install it where skipscope is installed: pip install {}",
    r"missing the required \"forward\"": "define forward(self, x) in the class, at the right indentation",
    r"before Module.__init__": "begin __init__ with super().__init__()",
    r"forward\(\) (missing|takes)": "forward is given the images alone: def forward(self, x)",
    r"modified by an inplace operation": "write x = x + y in place of x += y, and ReLU without inplace=True",
    r"on a CUDA device|urlopen|HTTP Error|Connection": (
        "make it without trained weights (weights=None): a study trains from the start"
    ),
}
"""Patterns of messages, and what to do next."""


def advice(said: str) -> str:
    """Returns what to change; "fix it there" if there is nothing better to say."""
    for pattern, hint in ADVICE.items():
        if found := re.search(pattern, said):
            return hint.format(*found.groups())
    return "fix it there"
