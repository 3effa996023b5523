"""Find, download and check the four files of MNIST.

Looked for in this order: the folder named by the environment variable ``NNLIB_DATA``
(the files themselves, or a folder ``mnist`` inside), the cache of earlier downloads,
public mirrors. Whatever is found must have the published content: the SHA-256 of the
decompressed bytes is compared. `nnlib.data.mnist` makes a training set of the result.
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# name -> SHA-256 of the decompressed file
FILES = {
    "train-images-idx3-ubyte": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte": (
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte": (
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte": (
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
}
BY_HAND = (
    "put the four .gz files into a folder and set NNLIB_DATA to that folder "
    "(files: " + MIRRORS[0] + ")"
)


class DataError(RuntimeError):
    """Data that cannot be had; the message is one line that says what to do.

    References
    ----------
    nnlib's own; a chapter catches it and shows its recorded result.

    Examples
    --------
    >>> str(DataError("MNIST is not on this machine: download it"))
    'MNIST is not on this machine: download it'
    """


def parse_idx(raw: bytes) -> np.ndarray:
    """Turn the bytes of an IDX file into an array.

    Parameters
    ----------
    raw : bytes
        Two zeros, the type (8: unsigned bytes), the number of axes, the length of each
        axis as a big-endian 32-bit integer, then the elements, last axis fastest.

    Returns
    -------
    uint8 array

    Raises
    ------
    ValueError
        If the header or the length is wrong.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits",
    section "File formats".

    Examples
    --------
    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    array([7, 8, 9], dtype=uint8)
    """
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or len(raw) < 4 + 4 * raw[3]:
        raise ValueError(f"no IDX file of unsigned bytes: it starts with {raw[:4]!r}")
    start = 4 + 4 * raw[3]
    shape = np.frombuffer(raw[4:start], dtype=">u4").astype(int)
    elements = np.frombuffer(raw[start:], dtype=np.uint8)
    if elements.size != shape.prod():
        raise ValueError(f"shape {tuple(shape)} but {elements.size} elements")
    return elements.reshape(shape)


def load_mnist(*, download: bool = True) -> dict[str, np.ndarray]:
    """Return the four arrays of MNIST by file name, checked.

    Parameters
    ----------
    download : bool
        Whether files that are not on this machine may be fetched.

    Returns
    -------
    dict of file name to uint8 array
        Images of shape (N, 28, 28) and labels of shape (N,).

    Raises
    ------
    DataError
        If a file is absent and cannot be fetched, or its content is not the published
        one.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
    document recognition", Proceedings of the IEEE 86(11), 1998.

    Examples
    --------
    >>> try:
    ...     shape = load_mnist(download=False)["t10k-labels-idx1-ubyte"].shape
    ... except DataError:  # the files are not on this machine
    ...     shape = (10000,)
    >>> shape
    (10000,)
    """
    return {name: parse_idx(_read(name, download)) for name in FILES}


def _read(name: str, download: bool) -> bytes:
    """Return the checked content of a file, from the first place that has it."""
    for path in _places(name):
        if path.is_file():
            raw = _decompress(path)
            if raw is None or hashlib.sha256(raw).hexdigest() != FILES[name]:
                raise DataError(
                    f"{path} is not the published MNIST file (damaged, or another one):"
                    " delete it and load again"
                )
            return raw
    if not download:
        raise DataError(f"MNIST is not on this machine ({name} is missing): {BY_HAND}")
    return _fetch(name)


def _places(name: str) -> Iterator[Path]:
    """Yield where a file may be on this machine, best first."""
    folders = []
    if root := os.environ.get("NNLIB_DATA"):
        if not Path(root).is_dir():
            raise DataError(f"NNLIB_DATA={root} is not a folder: correct or unset it")
        folders += [Path(root, "mnist"), Path(root)]
    for folder in [*folders, _cache()]:
        yield from (folder / f"{name}.gz", folder / name)


def _cache() -> Path:
    import pooch

    return Path(pooch.os_cache("nnlib")) / "mnist"


def _decompress(path: Path) -> bytes | None:
    """Return the content of a file, gzip or not; None if it is damaged."""
    raw = path.read_bytes()
    if path.suffix != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error):
        return None


def _fetch(name: str) -> bytes:
    """Download a file into the cache from the first mirror that serves it rightly."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it reports hashes; ours is of the content
    reason = ""
    for mirror in MIRRORS:
        try:
            file = pooch.retrieve(
                f"{mirror}{name}.gz",
                known_hash=None,  # archives differ between mirrors, contents do not
                fname=f"{name}.gz",
                path=_cache(),
                downloader=pooch.HTTPDownloader(timeout=(5, 60)),
            )
        except (OSError, ValueError) as error:  # requests' errors are OSErrors
            reason = type(error).__name__
            continue
        raw = _decompress(Path(file))
        if raw is not None and hashlib.sha256(raw).hexdigest() == FILES[name]:
            return raw
        Path(file).unlink()
        reason = "the mirror's file is damaged"
    raise DataError(
        f"MNIST is not on this machine and cannot be downloaded ({reason}): {BY_HAND}"
    )
