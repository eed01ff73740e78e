"""Says what a file is that is no data set the program can read, and what to do instead."""

import re
from collections.abc import Iterable
from pathlib import Path

from skipscope.errors import DataError

OFFICIAL = (
    "get the binary version, cifar-10-binary.tar.gz, or the python version, cifar-10-python.tar.gz: "
    "skipscope data get"
)
AGAIN = "download it again, or: skipscope data get"
BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (rb"\Z", "The file is empty: a download that never began.", AGAIN),
    (rb"\s*<(!doctype|html|\?xml|head)", "This is a saved web page, not a data set.", AGAIN),
    (
        rb"version https://git-lfs",
        "This is a pointer of Git LFS, not the file it points to.",
        "run git lfs pull",
    ),
    (rb"MATLAB 5", "This is the MATLAB version of CIFAR-10, which is not read.", OFFICIAL),
    (rb"\x89HDF", "This is an HDF5 file, which is not read.", OFFICIAL),
    (rb"\x93NUMPY", "This is an array of numpy's, which is not read.", OFFICIAL),
    (
        rb"7z\xbc\xaf\x27\x1c|Rar!|\x28\xb5\x2f\xfd",
        "This is a 7-Zip, RAR or Zstandard archive, which is not read.",
        "unpack it, and give the folder",
    ),
)
"""How a file begins, as a pattern, what it is then, and what to do."""
NAMES: tuple[tuple[str, str, str], ...] = (
    (
        r"\.(crdownload|part|partial|download|aria2|incomplete)$",
        "{name} is half a download.",
        "let it end, or download it again",
    ),
    (r"data_batch_\d\.mat$", "This is the MATLAB version of CIFAR-10, which is not read.", OFFICIAL),
    (
        r"cifar-?100|(fine|coarse)_label_names\.txt$",
        "This is CIFAR-100, a hundred classes; ten are read.",
        OFFICIAL,
    ),
    (r"\.tfrecords?\b", "These are TFRecord files of TensorFlow, which are not read.", OFFICIAL),
    (r"\.npz$|\.npy$", "These are arrays of numpy's, which are not read.", OFFICIAL),
    (r"\.(h5|hdf5)$", "These are HDF5 files, which are not read.", OFFICIAL),
    (
        r"\.arrow$",
        "These are Arrow files, the cache of Hugging Face's `datasets`, which are not read.",
        "give the parquet files: the folder datasets--uoft-cs--cifar10 in ~/.cache/huggingface/hub",
    ),
    (r"\.(7z|rar|zst)$", "{name} is packed in a way that is not read.", "unpack it, and give the folder"),
    (
        r"\.(png|jpe?g)$",
        "These are pictures, but not in a folder for each of ten classes in train and in test.",
        "sort them into train/airplane/1.png ... test/truck/1.png: 32 x 32 RGB",
    ),
)
"""How the name of a file may read, as a pattern, what it is then, and what to do."""
UNKNOWN = (
    "looked for: the official binary version (data_batch_1.bin ... test_batch.bin) or python version "
    "(data_batch_1 ... test_batch), parquet files (train-*.parquet, test-*.parquet) or pictures "
    "(train/CLASS/*.png, test/CLASS/*.png), in a folder, a zip archive or a tar archive (gzip, bzip2, xz)"
)


def explained(path: Path, names: Iterable[str] = (), head: bytes | None = None) -> DataError:
    """Returns an error that says what `path` is: by the names of its files, or by how the file begins."""
    if head is not None:
        for sign, what, hint in BEGINNINGS:
            if re.match(sign, head, re.IGNORECASE):
                return DataError(what, where=str(path), hint=hint)
    every = sorted(names) or [path.name]
    for pattern, what, hint in NAMES:
        for name in every:
            if re.search(pattern, name, re.IGNORECASE):
                told = what.format(name=name.rpartition("/")[2])
                return DataError(told, where=str(path), hint=hint)
    return DataError("This is no copy of CIFAR-10 in a known format.", where=str(path), hint=UNKNOWN)
