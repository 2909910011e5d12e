"""What a process gives up before it looks at a stranger's file: memory, time, other folders, the network, other programs.

Each guard is the kernel's own (resource limits; Landlock, Linux 5.13; seccomp), and is left out where the kernel has none of it.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_NO_NEW_PRIVILEGES = 38
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_ASK_VERSION = 1
_EXECUTE, _WRITE_FILE, _REFER, _TRUNCATE = 1 << 0, 1 << 1, 1 << 13, 1 << 14
_CHANGE_FOLDERS = sum(1 << bit for bit in range(4, 13))  # remove and make files, folders, links, sockets, devices
_BIND_AND_CONNECT = 1 | 2
_REFER_SINCE, _TRUNCATE_SINCE, _NETWORK_SINCE = 2, 3, 4
_SECCOMP_FILTER, _ALL_THREADS = 1, 1
_GRACE = 5
"""Seconds of processor time between the signal that ends a task and the one that it cannot ignore."""
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _NOT_PERMITTED = 0x7FFF0000, 0x00050001
_X32 = 0x40000000
"""Calls by the second numbering of x86-64, which would pass a filter of the first."""
_MACHINES = {
    # audit number, seccomp's number; then socket connect accept sendto bind listen, execve execveat, ptrace process_vm_writev kill,
    # mount bpf keyctl io_uring_setup, setpgid setsid (who left the group would not be ended with it)
    "x86_64": (0xC000003E, 317, (41, 42, 43, 44, 49, 50, 59, 322, 101, 311, 62, 165, 321, 250, 425, 109, 112)),
    "aarch64": (0xC00000B7, 277, (198, 203, 202, 206, 200, 201, 221, 281, 117, 271, 129, 40, 280, 219, 425, 154, 157)),
}


def confine(writable: Path, *, memory: int, seconds: int, file_bytes: int) -> tuple[str, ...]:
    """Give up what reading a file needs none of, for good; returns what the kernel took, in words.

    Afterwards this process may use `memory` bytes and `seconds` of processor time, write below `writable` alone and no file of more
    than `file_bytes`, open no connection and start no program.
    """
    taken = [*_limit_resources(memory, seconds, file_bytes)]
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            _call(_libc().prctl, _NO_NEW_PRIVILEGES, 1, 0, 0, 0)
            with suppress(OSError):
                taken += _landlock(writable)
            with suppress(OSError):
                taken += _seccomp()
    return tuple(taken)


def _limit_resources(memory: int, seconds: int, file_bytes: int) -> list[str]:
    try:
        import resource
    except ImportError:  # Windows
        return []
    wanted = {"RLIMIT_AS": memory, "RLIMIT_CPU": seconds, "RLIMIT_FSIZE": file_bytes, "RLIMIT_NOFILE": 256, "RLIMIT_CORE": 0}
    taken = []
    for name, value in wanted.items():
        with suppress(ValueError, OSError, AttributeError):  # macOS knows no limit of addresses
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            # Where both are the same the kernel kills, as it does where memory runs short: nobody could tell which it was.
            last = most + _GRACE if name == "RLIMIT_CPU" else most
            resource.setrlimit(kind, (most, last if hard == resource.RLIM_INFINITY else min(last, hard)))
            taken.append(name)
    words = {"RLIMIT_AS": "memory", "RLIMIT_CPU": "time", "RLIMIT_FSIZE": "size of files"}
    named = [words[name] for name in words if name in taken]
    return [f"limited {', '.join(named)}"] if named else []


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(function: Callable[..., int], *arguments: object) -> int:
    found = int(function(*arguments))
    if found < 0:
        raise OSError(ctypes.get_errno(), "the kernel refuses")
    return found


def _landlock(writable: Path) -> list[str]:
    """Let this process and its threads change files below `writable` alone, and make no TCP connection."""
    call = _libc().syscall
    version = _call(call, _LANDLOCK_CREATE, None, 0, _ASK_VERSION)
    write = _WRITE_FILE | _CHANGE_FOLDERS | (_REFER if version >= _REFER_SINCE else 0)
    write |= _TRUNCATE if version >= _TRUNCATE_SINCE else 0
    network = _BIND_AND_CONNECT if version >= _NETWORK_SINCE else 0
    rules = struct.pack("=QQ", write | _EXECUTE, network)
    ruleset = _call(call, _LANDLOCK_CREATE, rules, len(rules) if network else 8, 0)
    try:
        for path, access in ((writable, write), (Path(os.devnull), write & (_WRITE_FILE | _TRUNCATE))):
            below = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                _call(call, _LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", access, below), 0)
            finally:
                os.close(below)
        _call(call, _LANDLOCK_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)
    return ["writes to its own folder alone (Landlock)"]


def _seccomp() -> list[str]:
    """Refuse the calls that open connections, start programs or reach into other processes, in all threads."""
    if platform.machine() not in _MACHINES or sys.maxsize < 2**32:
        return []
    architecture, seccomp, refused = _MACHINES[platform.machine()]
    steps = [(_LOAD, 0, 0, 4), (_JUMP_IF_EQUAL, 0, len(refused) + 3, architecture), (_LOAD, 0, 0, 0)]
    steps.append((_JUMP_IF_AT_LEAST, len(refused) + 1, 0, _X32))
    steps += [(_JUMP_IF_EQUAL, len(refused) - i, 0, number) for i, number in enumerate(refused)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _NOT_PERMITTED)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    filter_ = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    _call(_libc().syscall, seccomp, _SECCOMP_FILTER, _ALL_THREADS, filter_)
    return ["no network and no other programs (seccomp)"]
