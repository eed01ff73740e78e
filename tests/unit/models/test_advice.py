"""What is said of a network that cannot be used here names what to change."""

from pathlib import Path

import pytest

import skipscope
from skipscope.errors import NetworkError

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 8, 8), nn.Linear(4, 10)

    def forward(self, x):
        x = self.conv(x).relu().mean((2, 3))
        return self.head(x)
"""
RETURNED = "return self.head(x)"


@pytest.mark.parametrize(
    ("right", "wrong", "what", "hint"),
    [
        (RETURNED, "return self.head(x), x", "returns a tuple for 2 images", "return the first alone"),
        (RETURNED, "return {'logits': self.head(x)}", "returns a dict", ": return its logits alone"),
        (RETURNED, "return self.head(x).squeeze()", "10 numbers .* for one image", "squeeze.. drops"),
        ("4, 10)", "4, 1000)", "2 x 1000 numbers", "give the last layer 10 outputs"),
        (RETURNED, "return self.head(x.detach()).detach()", "cannot learn", "leave out torch.no_grad"),
        ("nn.Conv2d(3,", "nn.Conv2d(1,", "expected input", "images have 3 channels"),
        (".mean((2, 3))", ".flatten(1)", "mat1 and mat2", "images are 3 x 32 x 32.*interpolate.x, 224"),
        ("4, 8, 8)", "4, 64)", "Kernel size can't be greater", "images are 3 x 32 x 32"),
        (RETURNED, "return self.head(x.view(64, 4))", "invalid for input of size", "in batches of any size"),
        ("        x = self.conv(x)", "        x = self.conv(x.cuda())", "CUDA|NVIDIA", r"leave out \.cuda"),
        ("import torch\n", "import torch, nonesuch\n", "No module named", "pip install nonesuch"),
        ("        super().__init__()\n", "", r"before Module.__init__", r"begin __init__ with super\(\)"),
        ("forward(self, x)", "forward(self, x, y)", "missing 1 required", "the images alone"),
        ("forward(self, x)", "forwards(self, x)", "missing the required", "define forward"),
    ],
)
def test_it_says_what_to_change(tmp_path: Path, right: str, wrong: str, what: str, hint: str) -> None:
    path = tmp_path / "mynet.py"
    path.write_text(NET.replace(right, wrong), encoding="utf-8")
    with pytest.raises(NetworkError, match=f"(?s){what}.*next:.*{hint}"):
        skipscope.build(f"{path}:Net")
