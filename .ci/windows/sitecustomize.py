"""Let Python behave as on Windows, as far as that can be played elsewhere: with this folder on PYTHONPATH, every
Python that is started, also by others, imports this file first.

- A file that some process has open, or mapped into memory, is not replaced, renamed or deleted, nor is a folder above it.
- A file is flushed only through a handle that may write, a folder never. `os.rename` does not overwrite.
- Names have none of `<>:"|?*`, do not end in a dot or a space, and are not those of devices (`aux`, `con`).
- Text files are cp1252 where nobody names an encoding, and so is what is printed into a pipe.
- Processes are spawned, not forked. There is no `resource`, no `fcntl`, no load, no list of allowed cores.

What only Windows shows: backslashes and drives, long paths, names that differ in case alone, its signals.
"""

import builtins
import errno
import io
import multiprocessing.context as processes
import os
import re
import shutil
import stat
import sys

FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]$')
DEVICES = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)
LACKING = "fork forkpty getloadavg sched_getaffinity sched_setaffinity killpg getpgid".split()
MODULES = {"resource", "fcntl", "pwd", "grp", "termios", "pty", "tty"}
SYSTEM = ("/proc/", "/sys/", "/dev/")
real = {name: getattr(os, name) for name in "rename replace unlink rmdir mkdir fsync".split()}
real_open, real_import = builtins.open, builtins.__import__


def held() -> list:
    "Paths that some process of this user has open or mapped into memory."
    paths = []
    for process in os.listdir("/proc"):
        if not process.isdigit():
            continue
        try:
            for handle in os.listdir(f"/proc/{process}/fd"):
                try:
                    paths.append(os.readlink(f"/proc/{process}/fd/{handle}"))
                except OSError:
                    pass  # closed meanwhile
            with real_open(f"/proc/{process}/maps", encoding="utf-8", errors="replace") as maps:
                paths += [line.split(None, 5)[5].strip() for line in maps if " /" in line]
        except OSError:
            pass  # ended meanwhile, or of somebody else
    return paths


def refuse_if_held(path, dir_fd=None):
    "What Windows says of a file that is in use."
    if not os.path.exists("/proc/self/fd") or isinstance(path, int):
        return
    at = os.readlink(f"/proc/self/fd/{dir_fd}") if dir_fd is not None else os.getcwd()
    full = os.path.realpath(os.path.join(at, os.fsdecode(path)))
    if any(p == full or p.startswith(full + os.sep) for p in held()):
        raise PermissionError(
            errno.EACCES, "[WinError 32] another process uses the file", str(path)
        )


def refuse_name(path):
    "What Windows says of a name that it cannot have."
    if isinstance(path, int):
        return
    for part in re.split(r"[/\\]", os.fsdecode(path)):
        if part not in (".", "..") and (FORBIDDEN.search(part) or DEVICES.fullmatch(part)):
            raise OSError(errno.EINVAL, "[WinError 123] the name is not allowed", str(path))


def rename(src, dst, **kwargs):
    refuse_name(dst)
    refuse_if_held(src)
    if os.path.lexists(dst):
        raise FileExistsError(errno.EEXIST, "[WinError 183] the file exists", str(dst))
    return real["rename"](src, dst, **kwargs)


def replace(src, dst, **kwargs):
    refuse_name(dst)
    refuse_if_held(src)
    if os.path.lexists(dst):
        refuse_if_held(dst)
        if os.path.isdir(dst):
            raise PermissionError(errno.EACCES, "[WinError 5] a folder is not replaced", str(dst))
    return real["replace"](src, dst, **kwargs)


def unlink(path, *, dir_fd=None):
    refuse_if_held(path, dir_fd)
    return real["unlink"](path, dir_fd=dir_fd)


def rmdir(path, *, dir_fd=None):
    refuse_if_held(path, dir_fd)
    return real["rmdir"](path, dir_fd=dir_fd)


def mkdir(path, mode=0o777, *, dir_fd=None):
    refuse_name(path)
    return real["mkdir"](path, mode, dir_fd=dir_fd)


def fsync(handle):
    number = handle if isinstance(handle, int) else handle.fileno()
    if stat.S_ISDIR(os.fstat(number).st_mode):
        raise OSError(errno.EBADF, "Bad file descriptor")
    os.write(number, b"")  # refused where the handle only reads
    return real["fsync"](number)


def open_as_there(
    file,
    mode="r",
    buffering=-1,
    encoding=None,
    errors=None,
    newline=None,
    closefd=True,
    opener=None,
):
    if set(mode) & set("wax") and not str(file).startswith(SYSTEM):
        refuse_name(file)
    if "b" not in mode and encoding in (None, "locale"):
        encoding = "cp1252"
    return real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)


def import_as_there(name, globals=None, locals=None, fromlist=(), level=0):
    who = (globals or {}).get("__name__", "")
    if not level and name in MODULES and who.partition(".")[0] == "contextssl":
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return real_import(name, globals, locals, fromlist, level)


os.rename, os.replace, os.unlink, os.remove = rename, replace, unlink, unlink
os.rmdir, os.mkdir, os.fsync = rmdir, mkdir, fsync
builtins.open = io.open = open_as_there
builtins.__import__ = import_as_there
for name in LACKING:
    if hasattr(os, name):
        delattr(os, name)

shutil._use_fd_functions = False
processes._default_context._default_context = processes._concrete_contexts["spawn"]
for stream in (sys.stdout, sys.stderr):
    if hasattr(stream, "reconfigure") and not stream.isatty():
        stream.reconfigure(encoding="cp1252")
