"""Measurements that need a fresh process: memory of training, time of an import.

``python children.py memory nnlib cold`` prints MiB, ``python children.py import
"import nnlib"`` seconds of processor time.
"""

import sys
import time


def resident():
    """Return (present, peak) resident memory of this process, in MiB."""
    fields = {}
    with open("/proc/self/status") as status:
        for line in status:
            key, _, value = line.partition(":")
            fields[key] = value
    return tuple(int(fields[k].split()[0]) / 1024 for k in ("VmRSS", "VmHWM"))


def memory(library, warm):
    """Return what building and training the MLP at B = 512 adds to the process, in MiB.

    The baseline is the process with the library imported and the data made. With `warm`
    the tiny network is trained first: that loads what a library loads only at the first
    step, and leaves what grows with the network.
    """
    import one_thread  # noqa: F401
    import steps

    if library == "torch":
        steps.torch.set_num_threads(1)
        step_of = lambda *args: steps.torch_step(*args, weights=None)[0]
    else:
        step_of = lambda *args: steps.nnlib_step(*args)[0]
    if warm:
        step_of("tiny", *steps.batch((32, 64)))()
    x, y = steps.batch((512, 784))
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")  # the peak starts from here
    before = resident()[0]
    step = step_of("mlp", x, y)
    for _ in range(5):
        step()
    return resident()[1] - before


def import_time(statement):
    """Return the processor time of imports in a process that has NumPy already."""
    import numpy  # noqa: F401

    start = time.process_time()
    exec(statement)
    return time.process_time() - start


if __name__ == "__main__":
    if sys.argv[1] == "memory":
        print(memory(sys.argv[2], sys.argv[3] == "warm"))
    else:
        print(import_time(sys.argv[2]))
