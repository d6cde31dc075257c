"""Confinement: what a runner gives up before it runs a program.

Files. Where the kernel has Landlock, a runner opens its own folder and what programs are made of
(the interpreter, our code, the system's libraries), and nothing else: not the database, not the
secret key, not another's folder, not /proc but its own part. Landlock also keeps it from reading
the memory and the environment of processes that are not its own, and, since Linux 6.12, from
sending them signals.

Sockets. The network is open, but no socket that is a file, of which Landlock knows nothing:
PostgreSQL, Docker or systemd let in over one whoever is our user.

User. Started as root, a runner becomes a user of its own that nobody else is, where others may read
the interpreter and our code; else it stays root without a single capability.

Nothing it starts ever gets rights that it has not. What a machine lacks is said by `isolation`.
Imports the standard library only: it is a part of the fork server.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from webapp.engine.sandbox import ROOT

# <linux/prctl.h>, <linux/capability.h>
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
CAPABILITIES_VERSION = 0x20080522

# <linux/landlock.h>; these numbers are the same on all architectures of ours
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
GIVE_VERSION = 1
PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
#: the first version → all rights over files that it knows
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
TO_READ = EXECUTE | READ_FILE | READ_DIR
TO_USE = READ_FILE | WRITE_FILE | IOCTL_DEV
#: the version that knows scopes: abstract sockets and signals
SCOPES_VERSION = 6
SCOPES = 1 << 0 | 1 << 1

# <linux/seccomp.h>, <linux/bpf_common.h>: machine → its number, and that of its call `socket`
MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
MODE_FILTER = 2
LOAD, IS_EQUAL, IS_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
AT_CALL, AT_MACHINE, AT_FIRST_ARGUMENT = 0, 4, 16
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
#: calls of x86_64 under other numbers; and a way to open sockets without the call for it
OTHER_CALLS, IO_URING_SETUP = 0x40000000, 425

#: of a machine, what programs are made of; files that may hold somebody's secrets are not
SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/etc/alternatives",
    "/etc/ca-certificates", "/etc/ca-certificates.conf", "/etc/crypto-policies", "/etc/gai.conf",
    "/etc/group", "/etc/host.conf", "/etc/hosts", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d", "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf",
    "/etc/os-release", "/etc/passwd", "/etc/pki/ca-trust", "/etc/pki/tls/certs", "/etc/protocols",
    "/etc/resolv.conf", "/etc/services", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/timezone",
    "/proc/cpuinfo", "/proc/filesystems", "/proc/loadavg", "/proc/meminfo", "/proc/stat",
    "/proc/version", "/sys/devices/system/cpu",
)  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
#: Ids that nobody has: the process's number is added. The second for containers that have few ids;
#: two processes can meet there.
OWN_IDS, FEW_IDS, FEW_IDS_COUNT = 0x70000000, 58_000, 1_999


@dataclass(frozen=True)
class Isolation:
    """What this machine keeps from a runner. `landlock` is its version, 0 where there is none."""

    landlock: int
    has_own_user: bool
    has_filter: bool
    gaps: tuple[str, ...]


def isolation() -> Isolation:
    """How runners are isolated that this user starts on this machine; `gaps` are sentences."""
    landlock, has_own_user = landlock_version(), can_take_user()
    gaps = []
    if not landlock and not has_own_user:
        gaps.append(
            "A runner could open the data folder: this kernel has no Landlock, and Callboard "
            "does not run as root, or others cannot read its packages."
        )
    elif not landlock:
        gaps.append("A runner can open what every user may: this kernel has no Landlock.")
    if landlock < SCOPES_VERSION and not has_own_user:
        gaps.append("A runner could end Callboard's processes: that needs Linux 6.12, or root.")
    if not can_filter():
        gaps.append(
            "A runner can reach sockets that are files and open to Callboard's user, such as "
            "PostgreSQL's: this kernel has no seccomp filters, or the machine is unknown."
        )
    if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
        gaps.append(
            "What a runner starts is not counted and may outlive it: this kernel lists no children."
        )
    return Isolation(landlock, has_own_user, can_filter(), tuple(gaps))


@dataclass(frozen=True)
class Reach:
    """What runners may read: files and folders, with all that is in them."""

    paths: tuple[str, ...]


def find_reach(modules: Iterable[str], hidden: Iterable[str]) -> Reach:
    """What programs in these modules need, without what is `hidden`, if that lies within it."""
    packages = {str(ROOT / name.partition(".")[0]) for name in (__name__, *modules)}
    wanted = {*SYSTEM, *packages, sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path}
    wanted -= {str(ROOT), ""}
    real = {Path(path).resolve() for path in wanted if os.path.exists(path)}
    kept = [path for path in real if not any(parent in real for parent in path.parents)]
    away = [Path(path).resolve() for path in hidden]
    return Reach(tuple(str(found) for path in sorted(kept) for found in _without(path, away)))


def _without(path: Path, hidden: Sequence[Path]) -> Iterator[Path]:
    if not any(away.is_relative_to(path) for away in hidden):
        yield path
    elif path not in hidden and path.is_dir():
        for entry in sorted(path.iterdir()):
            if not entry.is_symlink():
                yield from _without(entry, hidden)


# What follows gives up rights of this process, for good.


def confine(folder: str, reach: Reach) -> None:
    """Give up all rights that a runner does not need; `folder` is its own. OSError where a part
    of it fails that this machine should have."""
    if os.geteuid() == 0:
        if can_take_user():
            _take_user(folder)
        else:
            _drop_capabilities()
    if sys.platform != "linux":
        return
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    if can_filter():
        _filter_calls()
    if version := landlock_version():
        restrict(folder, reach, version)


@cache
def can_take_user() -> bool:
    """Whether a runner can be a user of its own: we are root, and others may read what it is."""
    needed = map(Path, (sys.executable, sys.prefix, os.__file__, __file__))
    return os.geteuid() == 0 and all(
        _is_open_to_others(path) and _is_open_to_others(path.resolve()) for path in needed
    )


def _is_open_to_others(path: Path) -> bool:
    can_enter = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)
    return can_enter and bool(path.stat().st_mode & stat.S_IROTH)


def _take_user(folder: str) -> None:
    own = os.getpid()
    for number in (OWN_IDS + own, FEW_IDS + own % FEW_IDS_COUNT):
        with suppress(OSError):  # no such id where a container has few
            os.chown(folder, number, number)
            os.setgroups([])
            os.setresgid(number, number, number)
            os.setresuid(number, number, number)
            return
    _drop_capabilities()


def _drop_capabilities() -> None:
    """Be root in name only. What it starts gets none again, without new privileges."""
    if sys.platform != "linux":
        return
    os.setgroups([])
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if _libc().capset(header, nothing):
        raise _error()


@cache
def can_filter() -> bool:
    """Whether system calls can be refused here."""
    if sys.platform != "linux" or os.uname().machine not in MACHINES:
        return False
    try:
        _prctl(PR_SET_SECCOMP, MODE_FILTER)  # without a filter
    except OSError as error:
        return error.errno == errno.EFAULT
    return False


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("skip_if_true", ctypes.c_uint8),
        ("skip_if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    ]


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction))]


def _filter_calls() -> None:
    """Refuse sockets that are files, and the ways around that."""
    machine, socket_call = MACHINES[os.uname().machine]
    unknown, refused = REFUSE | errno.ENOSYS, REFUSE | errno.EACCES
    instructions = [
        (LOAD, 0, 0, AT_MACHINE),
        (IS_EQUAL, 0, 7, machine),
        (LOAD, 0, 0, AT_CALL),
        (IS_AT_LEAST, 5, 0, OTHER_CALLS),
        (IS_EQUAL, 4, 0, IO_URING_SETUP),
        (IS_EQUAL, 0, 2, socket_call),
        (LOAD, 0, 0, AT_FIRST_ARGUMENT),
        (IS_EQUAL, 2, 0, socket.AF_UNIX),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, unknown),
        (RETURN, 0, 0, refused),
    ]
    array = (_Instruction * len(instructions))(*(_Instruction(*each) for each in instructions))
    program = _Filter(len(array), array)
    _prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.addressof(program))


@cache
def landlock_version() -> int:
    """The kernel's version of Landlock; 0 where it has none, or has it switched off."""
    if sys.platform != "linux":
        return 0
    try:
        return _system_call(CREATE_RULESET, None, 0, GIVE_VERSION)
    except OSError:
        return 0


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def restrict(folder: str, reach: Reach, version: int) -> None:
    """Have Landlock refuse all files but these, as far as that version can."""
    rights = RIGHTS[max(known for known in RIGHTS if known <= version)]
    has_scopes = version >= SCOPES_VERSION
    attributes = _Ruleset(rights, 0, SCOPES if has_scopes else 0)
    size = ctypes.sizeof(attributes) if has_scopes else ctypes.sizeof(ctypes.c_uint64)
    ruleset = _system_call(CREATE_RULESET, ctypes.byref(attributes), size, 0)
    try:
        for path in (*reach.paths, f"/proc/{os.getpid()}"):
            _allow(ruleset, path, TO_READ & rights)
        for path in DEVICES:
            _allow(ruleset, path, TO_USE & rights)
        _allow(ruleset, folder, rights)
        _system_call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # gone meanwhile, or nothing for us
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= OF_FILES
        rule = _PathBeneath(rights, descriptor)
        _system_call(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _system_call(number: int, *arguments: object) -> int:
    words = (ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)
    result = int(_libc().syscall(ctypes.c_long(number), *words))
    if result < 0:
        raise _error()
    return result


def _prctl(option: int, value: int, address: int = 0) -> None:
    words = (ctypes.c_ulong(word) for word in (value, address, 0, 0))
    if _libc().prctl(ctypes.c_int(option), *words):
        raise _error()


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
