"""Four convolutional networks on CIFAR-10, side by side: CNN, ResNet, DenseNet, SE-ResNet.

    python code.py cifar-10-binary.tar.gz

reads the official archive (https://www.cs.toronto.edu/~kriz/cifar.html; the python version or the unpacked
folder will do as well), trains the networks one after another, and ResNet without its shortcuts as a control.
It prints losses and accuracy after every epoch. Needs torch and numpy; with matplotlib it draws curves.png.
It computes in fp32 with torch's own operators: computed like this, skipscope reaches the same weights, bit
for bit, on the same machine and torch.

读取 CIFAR-10 官方压缩包，依次训练四个网络和无跳跃连接的对照，每轮打印损失与准确率；有 matplotlib 时画出曲线。

Shapes (形状): N images, B of a batch, C channels, H x W pixels; bytes are N H W C, networks see B C H W.
"""

import argparse
import io
import pickle
import sys
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from itertools import pairwise
from math import cos, isfinite, pi, sqrt
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

if __name__ == "__main__":
    # debuggers import Python's own module `code`, and must not find this file in its stead
    sys.path.pop(0)
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="cifar-10-binary.tar.gz, its python version, or a folder")
    arguments = parser.parse_args()  # before torch is imported: --help answers at once
    if not arguments.data.exists():
        parser.error(f"{arguments.data} does not exist; https://www.cs.toronto.edu/~kriz/cifar.html has it")

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_


class Recipe(NamedTuple):
    """How a network is trained (训练配置)."""

    epochs: int = 5  # 训练轮数
    batch_size: int = 128  # 批大小
    learning_rate: float = 0.05  # 学习率: the peak, reached after the warm-up
    momentum: float = 0.9  # 动量
    nesterov: bool = True
    weight_decay: float = 5e-4  # 权重衰减: on matrices and kernels only, never on biases or BatchNorm
    warmup_epochs: float = 1.0  # 预热: linear from 0; then half a cosine down to 0
    milestones: tuple[float, ...] = ()  # instead: divide the rate by 10 at these shares of training
    clip_norm: float | None = None  # 梯度裁剪: the gradient's L2 norm is cut down to this
    label_smoothing: float = 0.0  # 标签平滑
    augmentation: str = "crop_flip"  # 数据增强: or "flip", "none"
    memory_format: str = "channels_last"  # or "contiguous"


# 1. The study (本次实验): what skipscope fills in ----------------------------------------------------

# ARMS: networks and recipes by label. Each is trained from the seeds 0, 1, ..., as many as SEEDS says, on
# LIMIT images (None: all), which the seed draws unless FIXED. Other numbers of THREADS round differently.
# 每个网络依次以 0、1…… 为种子各训练一次；LIMIT 是训练图像的张数，None 表示全部。

RECIPE = Recipe(learning_rate=0.2, warmup_epochs=0.5, clip_norm=0.5, augmentation="flip")
ARMS = {
    "cnn": ("cnn", RECIPE),
    "resnet": ("resnet", RECIPE),
    "densenet": ("densenet", RECIPE),
    "se_resnet": ("se_resnet", RECIPE),
    "resnet_noskip": ("resnet_noskip", RECIPE),
}
SEEDS: dict[str, int] = dict.fromkeys(ARMS, 1)
LIMIT: int | None = None
FIXED = False
THREADS = 1


# 2. Chance (随机数): a pure function of (seed, purpose, epoch), so all networks see the same batches --
def derive(seed: int, purpose: str, epoch: int = 0) -> int:
    """A 64-bit seed for one purpose ("initialisation", "order", "augmentation") in one epoch."""
    return int.from_bytes(sha256(f"{seed}/{purpose}/{epoch}".encode()).digest()[:8], "little")


def random_bits(seed: int, purpose: str, epoch: int, count: int) -> Any:
    """`count` random uint64; numpy keeps the bits of PCG64 the same in every version (NEP 19)."""
    return np.random.PCG64(derive(seed, purpose, epoch)).random_raw(count)


def permutation(seed: int, purpose: str, epoch: int, count: int) -> Any:
    """A random order of 0..count-1."""
    return np.argsort(random_bits(seed, purpose, epoch, count), kind="stable")


# 3. Building blocks (网络的组成模块) -----------------------------------------------------------------
class BatchNorm2d(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d`, printed the way every torch release before 2.12 printed it."""

    def extra_repr(self) -> str:
        return super().extra_repr().replace(", bias=True", "").replace("bias=True, ", "")


# SE 模块。压缩：每个通道取全图均值；激励：两个全连接层（写成 1x1 卷积）与 sigmoid，给出各通道的权重
class SE(nn.Module):
    """Squeeze (mean over the map), excitation (two layers): a gate a channel (Hu et al. 2018, eq. 2, 3)."""

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc1 = nn.Conv2d(channels, channels // reduction, kernel_size=1)
        self.fc2 = nn.Conv2d(channels // reduction, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.fc2(torch.relu(self.fc1(self.avg_pool(x)))))  # B C 1 1


# 残差块：两层卷积学习残差 f(x)，再与输入相加；形状改变处，跳跃连接是带步幅的 1x1 卷积（投影）
class BasicBlock(nn.Module):
    """Two 3x3 convolutions f(x) and a shortcut: relu(f(x) + x) (He et al. 2015, eq. 1 and 2).

    Gated: relu(gate(f(x)) * f(x) + x) (Hu et al. 2018, Fig. 3). Plain, without a shortcut: relu(f(x)).
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1, kind: str = "residual") -> None:
        super().__init__()
        self.kind = kind
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:  # a projection (option B of He et al.), drawn in any case
            projection = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
            self.downsample = None if kind == "plain" else nn.Sequential(projection, BatchNorm2d(outputs))
        self.se = SE(outputs) if kind == "gated" else None

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        f = self.relu(self.bn1(self.conv1(x)))  # B outputs H/stride W/stride
        f = self.bn2(self.conv2(f))
        if self.se is not None:
            f = self.se(f) * f  # 逐通道加权
        return self.relu(f if self.kind == "plain" else f + shortcut)  # 逐元素相加


# 稠密连接：以此前的全部特征为输入，把新得到的 growth 个通道拼接在后面，不相加
class DenseBasic(nn.Module):
    """Reads all features before it through a 1x1 bottleneck, appends its own (Huang et al. 2017, eq. 2)."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        width = 4 * growth
        bottleneck = BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, width, 1)
        new_features = BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, growth, 3, padding=1)
        self.layer = nn.Sequential(*bottleneck, *new_features)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layer(x)], dim=1)  # B inputs+growth H W


class DenseBlock(nn.Module):
    """Dense layers, one after the other: the channels grow by `growth` a layer."""

    def __init__(self, inputs: int, growth: int, *, layers: int = 6) -> None:
        super().__init__()
        self.denseblock = nn.Sequential(*(DenseBasic(inputs + i * growth, growth) for i in range(layers)))

    def forward(self, x: Tensor) -> Tensor:
        return self.denseblock(x)  # B inputs+layers*growth H W


# 4. The networks (四种网络): B 3 32 32 -> logits, B 10 -----------------------------------------------
class Net(nn.Module):
    """No skip connections, after LeNet-5 (LeCun et al. 1998); 83,126 parameters (普通 CNN)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5, padding=2)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 6 * 6, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(torch.relu(self.conv1(x)))  # B 6 16 16
        x = self.pool(torch.relu(self.conv2(x)))  # B 16 6 6
        x = torch.relu(self.fc1(x.flatten(1)))  # B 120
        return self.fc3(torch.relu(self.fc2(x)))  # B 84, B 10


class ResNet_normal(nn.Module):
    """ResNet-18 (He et al. 2015, Table 1), ImageNet stem included; 11,181,642 parameters (残差网络)."""

    def __init__(self, *, kind: str = "residual", pooled: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn = BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if pooled else None
        for stage, (inputs, outputs) in enumerate(pairwise((64, 64, 128, 256, 512)), start=1):
            first = BasicBlock(inputs, outputs, stride=1 if stage == 1 else 2, kind=kind)
            self.add_module(f"layer{stage}", nn.Sequential(first, BasicBlock(outputs, outputs, kind=kind)))
        self.avg_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn(self.conv1(x)))  # B 64 16 16
        if self.maxpool is not None:
            x = self.maxpool(x)  # B 64 8 8
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)  # from layer2 on, the side halves
        return self.fc(self.avg_pool(x).flatten(1))


# 每个残差块都有门控；没有最大池化，特征图边长是上面 ResNet 的两倍，所以二者之差不全是门控的作用
class SEResNet(ResNet_normal):
    """A ResNet with a gate in every block (Hu et al. 2018) and no max-pool; 11,270,722 parameters."""

    def __init__(self, *, pooled: bool = False) -> None:
        super().__init__(kind="gated", pooled=pooled)


class DenseNet(nn.Module):
    """Two dense blocks with growth rates 32 and 64 (after Huang et al. 2017); 1,753,546 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 7, stride=2, padding=3)
        self.bn1 = BatchNorm2d(32)
        self.max_pool = nn.MaxPool2d(2, 2)
        self.relu = nn.ReLU()
        self.denseblock1 = DenseBlock(32, 32)
        self.bn2 = BatchNorm2d(224)
        self.conv1 = nn.Conv2d(224, 64, 3, padding=1)
        self.avg1 = nn.AvgPool2d(2, 2)
        self.denseblock2 = DenseBlock(64, 64)
        self.fc1 = nn.Linear(448 * 4 * 4, 10)  # nothing normalises its 7,168 inputs

    def forward(self, x: Tensor) -> Tensor:
        x = self.denseblock1(self.max_pool(self.relu(self.bn1(self.conv(x)))))  # B 32 8 8, then B 224 8 8
        x = self.avg1(self.conv1(self.relu(self.bn2(x))))  # B 64 4 4
        x = self.denseblock2(x)  # B 448 4 4
        return self.fc1(x.flatten(1))


DEVICE = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}  # N C H W, N H W C
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "cnn": Net,
    "resnet": ResNet_normal,
    "densenet": DenseNet,
    "se_resnet": SEResNet,
    "resnet_noskip": partial(ResNet_normal, kind="plain"),
    "resnet_nopool": partial(ResNet_normal, pooled=False),
    "se_resnet_pool": partial(SEResNet, pooled=True),
}


def build(name: str, recipe: Recipe, seed: int) -> nn.Module:
    """The network `name` on its device, initialised from the seed."""
    torch.manual_seed(derive(seed, "initialisation") >> 1)  # torch takes a signed number
    model: Any = NETWORKS[name]()
    return model.to(DEVICE).to(memory_format=FORMATS[recipe.memory_format])


# 5. The data (训练集、验证集、测试集): CIFAR-10 (Krizhevsky 2009) ---------------------------------------
BATCHES = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"]
FILES = {*BATCHES, *(f"{batch}.bin" for batch in BATCHES)}
BATCH_IMAGES, TEST = 10_000, 10_000
VALIDATION_PER_CLASS = 500  # of the 50,000 official training images 45,000 train and 5,000 validate


class Data(NamedTuple):
    """The images, their labels, and the rows of them that train, validate and test."""

    images: Any  # N 32 32 3 uint8
    labels: Any  # N int64
    train: Any
    validation: Any
    test: Any  # 测试集: read once per run, at its end; nothing is chosen by it
    mean: list[float]  # by channel, over training and validation images, in 0..1
    std: list[float]


def load(path: Path) -> Data:
    """CIFAR-10 from the official archive (binary or python version) or from its unpacked folder."""
    if path.is_dir():
        files = {file.name: file.read_bytes() for file in path.iterdir() if file.name in FILES}
    else:
        with tarfile.open(path) as archive:
            members = ((Path(each.name).name, archive.extractfile(each)) for each in archive)
            files = {name: file.read() for name, file in members if file and name in FILES}
    if sorted(name.removesuffix(".bin") for name in files) != BATCHES:
        sys.exit(f"{path} has {sorted(files)}; needed is one copy of each of {BATCHES}.")
    batches = [read_batch(name, files[name]) for name in sorted(files)]
    planes = np.concatenate([images for images, _ in batches]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([labels for _, labels in batches]).astype(np.int64)
    if len(planes) != len(labels) or labels.min() < 0 or labels.max() > 9:
        sys.exit(f"{path} is damaged: every image needs one label from 0 to 9.")
    return divide(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels, TEST)


def read_batch(name: str, data: bytes) -> tuple[Any, Any]:
    """Images (B x 3072, plane by plane) and labels of a batch: bytes in rows, or a pickled dictionary."""
    if name.endswith(".bin"):
        rows = np.frombuffer(data, np.uint8).reshape(BATCH_IMAGES, 1 + 3 * 32 * 32)
        return rows[:, 1:], rows[:, 0]
    table = ArraysOnly(io.BytesIO(data), encoding="latin1").load()
    return np.asarray(table["data"], np.uint8).reshape(BATCH_IMAGES, -1), np.array(table["labels"])


class ArraysOnly(pickle.Unpickler):
    """Reads pickled numpy arrays and refuses everything else, since a pickle can call any function."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "numpy" and name in ("ndarray", "dtype", "_reconstruct"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"this batch asks for {module}.{name}; nothing of it was run")


def divide(images: Any, labels: Any, test: int) -> Data:
    """The data set with its split: the last `test` images test, `VALIDATION_PER_CLASS` a class validate."""
    count = len(images) - test
    held = np.zeros(count, bool)
    order = permutation(0, "validation split", 0, count)
    for label in range(10):
        held[order[labels[order] == label][:VALIDATION_PER_CLASS]] = True
    rows = np.flatnonzero(~held), np.flatnonzero(held), np.arange(count, len(images))
    return Data(images, labels, *rows, *channel_statistics(images[:count]))


def limited(data: Data, limit: int | None, seed: int, *, fixed: bool = FIXED) -> Data:
    """The data set with `limit` training images, every class in its share, as the seed draws them."""
    if limit is None:
        return data
    drawn = (0, "train limit") if fixed else (seed, "subset")
    order = data.train[permutation(*drawn, 0, len(data.train))]
    depth = np.empty(len(order))  # how far down its own class an image stands, from 0 to 1
    for label, count in zip(*np.unique(data.labels[order], return_counts=True), strict=True):
        depth[data.labels[order] == label] = (np.arange(count) + 0.5) / count
    return data._replace(train=np.sort(order[np.argsort(depth, kind="stable")[:limit]]))


def channel_statistics(images: Any) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel in 0..1, from exact integer sums: N H W 3 -> 3 and 3."""
    number, first = images[..., 0].size, images.sum((0, 1, 2), dtype=np.int64).tolist()
    parts = (np.square(part, dtype=np.int64).sum((0, 1, 2)) for part in np.array_split(images, 50))
    pairs = zip(first, sum(parts).tolist(), strict=True)
    variances = [number * square - total * total for total, square in pairs]
    return [total / (255 * number) for total in first], [sqrt(each) / (255 * number) for each in variances]


# 6. From bytes to what a network sees (数据增强与标准化) ----------------------------------------------
def augment(images: Any, bits: Any, kind: str) -> Any:
    """Random crops and flips (He et al. 2015, section 4.2): B H W C -> B H W C.

    Of each image's 64 `bits` the 32 highest say where its crop begins, the lowest whether to mirror it.
    """
    if kind == "crop_flip":
        padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)))  # black pixels, so 9 x 9 crops
        left, top = np.divmod((bits >> np.uint64(32)).astype(np.int64), 9)
        corners = zip(padded, top, left % 9, strict=True)
        images = np.stack([image[y : y + 32, x : x + 32] for image, y, x in corners])
    if kind != "none":
        flip = (bits & np.uint64(1)).astype(bool)
        images[flip] = images[flip, :, ::-1]
    return images


def network_input(images: Any, data: Data, recipe: Recipe) -> Tensor:
    """Zero mean and unit variance per channel: B H W C uint8 -> B C H W float32."""
    mean = torch.tensor(data.mean, device=DEVICE) * 255
    scale = 1 / (torch.tensor(data.std, device=DEVICE) * 255)
    x = torch.from_numpy(images).to(DEVICE).to(torch.float32).sub_(mean).mul_(scale)
    return x.permute(0, 3, 1, 2).contiguous(memory_format=FORMATS[recipe.memory_format])


# 7. Training (训练) ----------------------------------------------------------------------------------
def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """The rate of update `step` (from 0): linear warm-up, then half a cosine down to 0, or milestones."""
    total = recipe.epochs * steps
    warmup = min(round(recipe.warmup_epochs * steps), total - 1)
    if step < warmup:  # Goyal et al. 2017, section 2.2
        return recipe.learning_rate * ((step + 1) / warmup)
    if recipe.milestones:
        passed = sum(step >= round(share * total) for share in recipe.milestones)
        return recipe.learning_rate / 10.0**passed
    # Loshchilov and Hutter 2017, eq. 5, with one period
    return recipe.learning_rate * (1 + cos(pi * (step - warmup) / (total - warmup))) / 2


def sgd(model: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD with momentum; weight decay on matrices and kernels only."""
    weights = list(model.parameters())
    decayed = {"params": [each for each in weights if each.ndim > 1], "weight_decay": recipe.weight_decay}
    groups = [decayed, {"params": [each for each in weights if each.ndim <= 1], "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=0.0, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True)


# 每一步：取一批图像，前向传播求损失，反向传播求梯度，再更新权重
def fit(model: nn.Module, data: Data, recipe: Recipe, seed: int) -> Iterator[float]:
    """Trains the network, and yields each step's loss once its update is made."""
    optimizer, images = sgd(model, recipe), len(data.train)
    steps = max(1, images // recipe.batch_size)  # whole batches; what is left over waits for another epoch
    for epoch in range(1, recipe.epochs + 1):
        order = data.train[permutation(seed, "order", epoch, images)]
        bits = random_bits(seed, "augmentation", epoch, images)
        for batch in range(steps):
            step = (epoch - 1) * steps + batch
            at = slice(batch * recipe.batch_size, (batch + 1) * recipe.batch_size)
            x = network_input(augment(data.images[order[at]], bits[at], recipe.augmentation), data, recipe)
            target = torch.from_numpy(data.labels[order[at]]).to(DEVICE)
            torch.manual_seed(derive(seed, "chance", step))  # for layers that draw, such as dropout
            loss = cross_entropy(model(x), target, label_smoothing=recipe.label_smoothing)
            if not isfinite(loss.item()):
                raise FloatingPointError(f"loss {loss.item()} at step {step + 1}: lower the learning rate")
            optimizer.zero_grad()
            loss.backward()
            if recipe.clip_norm is not None:
                clip_grad_norm_(model.parameters(), recipe.clip_norm)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, step, steps)
            optimizer.step()
            yield loss.item()


class Epoch(NamedTuple):
    """What is known after an epoch; the training loss is the mean over its steps."""

    epoch: int
    training_loss: float
    validation_loss: float
    validation_accuracy: float

    def __str__(self) -> str:
        losses = f"training loss {self.training_loss:.4f}, validation loss {self.validation_loss:.4f}"
        return f"epoch {self.epoch}: {losses}, accuracy {self.validation_accuracy:.2%}"


@torch.no_grad()
def evaluate(model: nn.Module, data: Data, rows: Any, recipe: Recipe) -> tuple[float, float]:
    """Mean loss on these images, and the share of them that is classified correctly, in 0..1."""
    model.eval()
    loss, correct = 0.0, 0
    for part in np.array_split(rows, max(1, len(rows) // 250)):
        logits = model(network_input(data.images[part], data, recipe)).cpu()
        target = torch.from_numpy(data.labels[part])
        loss += cross_entropy(logits, target, reduction="sum").item()
        correct += int((logits.argmax(1) == target).sum())
    model.train()
    return loss / len(rows), correct / len(rows)


def train(arm: str, data: Data, seed: int = 0) -> tuple[nn.Module, list[Epoch]]:
    """Trains one of `ARMS` and prints how it does after every epoch and on the test set."""
    (name, recipe), data = ARMS[arm], limited(data, LIMIT, seed)
    model, steps = build(name, recipe, seed), max(1, len(data.train) // recipe.batch_size)
    losses, history, start = list[float](), list[Epoch](), perf_counter()
    for loss in fit(model, data, recipe, seed):
        losses.append(loss)
        if len(losses) % steps == 0:
            validated = evaluate(model, data, data.validation, recipe)
            history.append(Epoch(len(losses) // steps, sum(losses[-steps:]) / steps, *validated))
            print(f"{arm}, seed {seed}, {history[-1]}, {perf_counter() - start:.0f} s", flush=True)
    print(f"{arm}, seed {seed}: test accuracy {evaluate(model, data, data.test, recipe)[1]:.2%}", flush=True)
    return model, history


def draw(histories: dict[str, list[list[Epoch]]], path: Path) -> None:
    """Draws losses and accuracy by epoch, a colour a network, a line a seed, if matplotlib is there."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print(f"{path} is not drawn: that needs matplotlib (pip install matplotlib)")
        return
    figure = Figure(figsize=(13, 4), layout="constrained")
    for axes, quantity in zip(figure.subplots(1, 3), Epoch._fields[1:], strict=True):
        for index, (arm, seeds) in enumerate(histories.items()):
            for seed, epochs in enumerate(seeds):
                values = [(each.epoch, getattr(each, quantity)) for each in epochs]
                axes.plot(*zip(*values, strict=True), f"C{index}o-", label="" if seed else arm)
        axes.set(title=quantity.replace("_", " "), xlabel="epoch")
        axes.locator_params(axis="x", integer=True)
    figure.axes[0].legend()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    data = load(arguments.data)
    draw({arm: [train(arm, data, seed)[1] for seed in range(SEEDS[arm])] for arm in ARMS}, Path("curves.png"))
