"""The usual training loop: a `Dataset` that transforms image by image, a `DataLoader`, fp32.

The transforms are torchvision's `RandomCrop(32, padding=4)` and `RandomHorizontalFlip()` (if augmented),
`ToTensor()` and `Normalize(mean, std)`, step by step as torchvision takes them for a PIL image.
"""

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from skipscope.data.dataset import Dataset, Split

BATCH, WORKERS = 128, 2


class Images(TorchDataset[tuple[Tensor, int]]):
    """Gives images as `torchvision.datasets.CIFAR10(transform=...)` does."""

    def __init__(self, data: Dataset, split: Split, *, augmented: bool) -> None:
        """Copies the split's images; they are N H W C, as torchvision keeps them."""
        self.augmented = augmented
        self.images, self.labels = split.take(np.arange(len(split)))  # N 32 32 3 and N
        self.mean, self.std = list(data.mean), list(data.std)

    def __len__(self) -> int:
        """Counts the images."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Transforms one image: 3 32 32."""
        image = Image.fromarray(self.images[index])
        if self.augmented:
            image = ImageOps.expand(image, border=4, fill=0)  # 40 40
            top = int(torch.randint(0, 9, (1,)).item())
            left = int(torch.randint(0, 9, (1,)).item())
            image = image.crop((left, top, left + 32, top + 32))
            if torch.rand(1) < 0.5:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        x = torch.from_numpy(np.array(image, np.uint8, copy=True))
        x = x.permute(2, 0, 1).contiguous().to(torch.float32).div(255)  # 3 32 32
        mean, std = torch.as_tensor(self.mean), torch.as_tensor(self.std)
        return x.sub_(mean[:, None, None]).div_(std[:, None, None]), int(self.labels[index])


def steps(model: nn.Module, data: Dataset, *, augmented: bool = True) -> Iterator[int]:
    """Trains the network where it is, endlessly; yields the number of images after each step."""
    on = next(model.parameters()).device
    images = Images(data, data.train, augmented=augmented)
    loader = DataLoader(images, batch_size=BATCH, shuffle=True, num_workers=WORKERS, drop_last=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    running_loss = 0.0
    while True:
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images.to(on)), labels.to(on))
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
            yield len(labels)


def accuracy(model: nn.Module, data: Dataset) -> float:
    """Returns the network's validation accuracy in 0..1; leaves it in training mode."""
    images = Images(data, data.validation, augmented=False)
    correct = 0
    model.eval()
    with torch.no_grad():
        for x, labels in DataLoader(images, batch_size=BATCH, num_workers=WORKERS):
            correct += int((model(x).argmax(1) == labels).sum())
    model.train()
    return correct / len(images)
