"""A filter on system calls for the learner's process (Linux, x86-64 and arm64).

Beyond what the namespaces of a sandbox take away, it refuses sockets other than unix
ones, new namespaces, mounts, tracing of other processes, and parts of the kernel that
no lab needs and that have often been attacked.
"""

import ctypes
import errno
import platform
import struct

# name: (x86-64, arm64)
FORBIDDEN = {
    "ptrace": (101, 117),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "open_by_handle_at": (304, 265),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
}
SOCKET, CLONE, CLONE3 = (41, 198), (56, 220), (435, 435)
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
AF_UNIX = 1
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | …

LOAD, JUMP_EQ, JUMP_GE, JUMP_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def available() -> bool:
    """Tell whether the filter is written for this machine."""
    return platform.system() == "Linux" and platform.machine() in ARCHITECTURES


def program() -> bytes:
    """Return the filter as the kernel reads it: 8 bytes per instruction."""
    column, arch = ARCHITECTURES[platform.machine()]
    ops: list[tuple[int, int, int, int]] = [
        (LOAD, 0, 0, 4),
        (JUMP_EQ, 1, 0, arch),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),
    ]
    if column == 0:  # the x32 numbers of the same calls
        ops += [(JUMP_GE, 0, 1, 0x40000000), (RETURN, 0, 0, ERRNO | errno.ENOSYS)]
    for number in sorted(pair[column] for pair in FORBIDDEN.values()):
        ops += [(JUMP_EQ, 0, 1, number), (RETURN, 0, 0, ERRNO | errno.EPERM)]
    ops += [  # the C library then uses clone, whose flags can be read here
        (JUMP_EQ, 0, 1, CLONE3[column]),
        (RETURN, 0, 0, ERRNO | errno.ENOSYS),
    ]
    ops += [
        (JUMP_EQ, 0, 4, CLONE[column]),
        (LOAD, 0, 0, 16),
        (JUMP_SET, 0, 1, NEW_NAMESPACES),
        (RETURN, 0, 0, ERRNO | errno.EPERM),
        (RETURN, 0, 0, ALLOW),
    ]
    ops += [
        (JUMP_EQ, 0, 4, SOCKET[column]),
        (LOAD, 0, 0, 16),
        (JUMP_EQ, 1, 0, AF_UNIX),
        (RETURN, 0, 0, ERRNO | errno.EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *op) for op in ops)


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("code", ctypes.c_char_p))


def install() -> None:
    """Put the filter on this process and all it will start, for good."""
    code = program()
    prog = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(prog)):
        raise OSError(ctypes.get_errno(), "the system-call filter was refused")
