"""Send the units of work to a Dask cluster, through `concurrent.futures`.

The workers need the same environment and the same folders as this machine: the course,
the submissions and the results lie on a file system that all of them share. Dask is no
requirement of the course: ``pip install distributed``.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

from grader.errors import UserError


@contextlib.contextmanager
def cluster(address: str) -> Iterator[tuple[Callable[[], Executor], int]]:
    """Give a function that makes an executor, and how many units fit into it.

    Raises
    ------
    UserError
        If Dask is not installed or does not answer.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UserError("--dask needs Dask: pip install distributed") from None
    try:
        client: Any = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(f"no Dask scheduler at {address}: {error}") from None
    try:
        try:
            client.wait_for_workers(1, timeout=30)
        except TimeoutError:
            message = f"the Dask cluster at {address} has no workers"
            raise UserError(message) from None
        width = sum(client.nthreads().values())
        if max(client.nthreads().values()) > 1:
            raise UserError("start the Dask workers with --nthreads 1")
        # A unit whose worker dies is given to another one; a few deaths are no reason
        # to give it up, since whoever kills workers is not a submission.
        yield lambda: client.get_executor(retries=2), 2 * width
    finally:
        client.close()
