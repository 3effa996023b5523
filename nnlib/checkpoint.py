"""Arrays in a file: the safetensors format, which holds numbers and no code.

A pickle can run any program when it is opened. A safetensors file is a table of names,
types and shapes, followed by the bytes.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from nnlib.backend import to_numpy


def save(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named arrays to a safetensors file, all or nothing.

    Parameters
    ----------
    path : path-like
        A file there is replaced, once the new one is complete.
    arrays : mapping of str to array
        Of any backend.
    metadata : mapping of str to str, optional
        Text to keep with them.

    References
    ----------
    Hugging Face, "Safetensors", https://huggingface.co/docs/safetensors (format).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/a.safetensors", {"w": np.arange(3)}, {"step": "7"})
    ...     load(f"{folder}/a.safetensors")
    ({'w': array([0, 1, 2])}, {'step': '7'})
    """
    from safetensors.numpy import save_file

    host = {name: np.array(to_numpy(v), order="C") for name, v in arrays.items()}
    partial = f"{os.fspath(path)}.partial"
    save_file(host, partial, metadata=dict(metadata or {}))
    os.replace(partial, path)


def load(
    path: str | os.PathLike[str],
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read a safetensors file.

    Returns
    -------
    arrays : dict of str to NumPy array
    metadata : dict of str to str

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not complete or of another kind.

    References
    ----------
    See `save`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/a.safetensors", {"w": np.arange(3)}, {"step": "7"})
    ...     arrays, metadata = load(f"{folder}/a.safetensors")
    >>> arrays["w"], metadata["step"]
    (array([0, 1, 2]), '7')
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return arrays, dict(file.metadata() or {})
    except SafetensorError as error:
        raise ValueError(f"not a complete safetensors file ({error})") from None
