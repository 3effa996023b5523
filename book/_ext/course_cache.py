"""Where the outputs of executed pages are kept, keyed on what they depend on.

MyST-NB finds a page's outputs by the page's code alone: after a change of `nnlib` it
would show the old numbers. Here every state of the library has a cache of its own.
"""

import hashlib
import os
import sys
from pathlib import Path

# What a page can see of its surroundings, apart from the library.
ENVIRONMENT = ("NNLIB_DEVICE", "NNLIB_FULL", "NNLIB_DATA")


def library_key(root: Path) -> str:
    """Return a hash of the library, recorded results, versions and environment.

    ``COURSE_LIBRARY_KEY`` holds it for the length of one build, so that an edit made
    meanwhile counts for the next one.
    """
    if "COURSE_LIBRARY_KEY" in os.environ:
        return os.environ["COURSE_LIBRARY_KEY"]
    digest = hashlib.sha256()
    recorded = (root / "book" / "_data").rglob("*")
    files = [*(root / "nnlib").rglob("*.py"), *recorded, root / "constraints.txt"]
    for path in sorted(files):
        if path.is_file() and path.name != "sources.json":  # which no cell reads
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    settings = [f"{name}={os.environ.get(name, '')}" for name in ENVIRONMENT]
    digest.update("\n".join([*settings, sys.version]).encode())
    return digest.hexdigest()[:16]


def cache_folder(root: Path, build: Path) -> Path:
    """Return the folder that holds the outputs for this state of the library."""
    return build / ".jupyter_cache" / library_key(root)


def use_cache(app, config):
    """Point MyST-NB at the cache; a new key also has every page read again."""
    root, build = Path(app.srcdir), Path(app.outdir).parent
    config.nb_execution_cache_path = str(cache_folder(root, build))
    config.course_library_key = library_key(root)


def setup(app):
    """Register the hook with Sphinx."""
    app.add_config_value("course_library_key", "", "env")
    app.connect("config-inited", use_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
