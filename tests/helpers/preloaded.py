"""A Python that has already imported what jobs need, so that tests do not wait for imports.

Snakemake starts an interpreter for each job, and importing torch and timm takes four seconds of CPU time, far more than
the work of most jobs of a test. Here a server imports these packages once, and forks a process per job. A small program
named ``python`` stands for the interpreter: it hands its arguments, environment and open files to the server, passes on
signals, and ends with the exit status of the process.

Tests of interruptions, of environments and of repeatable bytes start interpreters of their own.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

SERVERS: list[Path] = []  # the `python` of this test run, once the fixture of conftest.py has started its server

SNAKEMAKE = ("snakemake.cli", "jinja2", "jsonschema", "nbformat", "pygments", "requests", "smart_open", "yaml")
JOBS = (
    "jinja2",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.pyplot",
    "pandas",
    "PIL.Image",
    "requests",
    "safetensors.torch",
    "scipy.cluster.hierarchy",
    "scipy.signal",
    "scipy.stats",
    "sklearn.ensemble",
    "soundfile",
    "soxr",
    "timm",
    "torch.utils.tensorboard",
    "torchaudio",
)
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def python() -> str:
    """The program that does what this Python does: the server's, if there is one."""
    return str(SERVERS[0]) if SERVERS else sys.executable


def start(folder: Path, owner: int, interpreter: str = sys.executable) -> None:
    """Start a server in ``folder``, which ends with the process ``owner``; its ``python`` is there too.

    Args:
        interpreter: the Python of the server, which has the packages of its own environment only.
    """
    folder.mkdir(parents=True)
    program, address = folder / "python", folder / "socket"
    client = [interpreter, "-I", "-S", __file__, "client", str(address)]
    program.write_text(f'#!/bin/sh\nexec {shlex.join(client)} "$@"\n')
    program.chmod(0o755)
    log = (folder / "log.txt").open("w")
    command = [interpreter, __file__, "server", str(address), str(owner)]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    while not address.exists():
        assert server.poll() is None, f"the server has ended: see {log.name}"
        time.sleep(0.02)


def ask(address: str, arguments: list[str]) -> int:
    """Let the server run ``python ARGUMENTS``; the exit status, negative where a signal ended it."""
    umask = os.umask(0)
    os.umask(umask)
    request = {"arguments": arguments, "folder": str(Path.cwd()), "environment": dict(os.environ), "umask": umask}
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [json.dumps(request).encode() + b"\n"], [0, 1, 2])
        answers = server.makefile()
        process = int(answers.readline())
        for number in SIGNALS:
            signal.signal(number, lambda number, _: os.kill(process, number))
        return int(answers.readline())


def serve(address: str, owner: int) -> dict[str, Any]:
    """Fork a process for each request until ``owner`` has ended; returns the request, in the forked process."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(64)
        server.settimeout(2)
        while Path(f"/proc/{owner}").exists():
            try:
                client, _ = server.accept()
            except TimeoutError:
                continue
            with client:
                request, files = _receive(client)
                for package in SNAKEMAKE if "snakemake" in request["arguments"] else JOBS:
                    with suppress(ModuleNotFoundError):  # an environment need not have all of them
                        importlib.import_module(package)
                gc.freeze()  # so that no process collects, and thereby copies, what all share
                if not os.fork():
                    server.close()
                    return _watched(client, request, files)
            for file in files:
                os.close(file)
            _reap()
    sys.exit()


def _receive(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    text, files, *_ = socket.recv_fds(client, 1 << 20, 3)
    while not text.endswith(b"\n"):
        text += client.recv(1 << 20)
    return json.loads(text), files


def _reap() -> None:
    """Collect the processes that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _watched(client: socket.socket, request: dict[str, Any], files: list[int]) -> dict[str, Any]:
    """Fork once more: the new process returns to do the work, this one reports how that ends."""
    process = os.fork()
    if not process:
        client.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        return request
    for file in files:
        os.close(file)
    client.send(f"{process}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    client.send(f"{code}\n".encode())
    os._exit(0)


def work(request: dict[str, Any]) -> None:
    """Do what ``python ARGUMENTS`` does."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.umask(request["umask"])
    os.chdir(request["folder"])
    first, *others = request["arguments"]
    if first == "-m":
        sys.executable = str(Path(sys.argv[2]).with_name("python"))
        sys.argv = others
        sys.path[0] = str(Path.cwd())
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *others[1:]]
        sys.path[0] = ""
        exec(others[0], {"__name__": "__main__"})
    else:
        sys.argv = [first, *others]
        sys.path[0] = str(Path(first).parent)
        runpy.run_path(first, run_name="__main__")


def work_and_exit(request: dict[str, Any]) -> NoReturn:
    """Do the work and end the process as an interpreter does, except that nothing of its memory is taken apart."""
    status: Any = 0
    try:
        work(request)
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    if isinstance(status, str):
        print(status, file=sys.stderr)
        status = 1
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads, as the interpreter does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    role, address, *rest = sys.argv[1:]
    if role == "server":
        work_and_exit(serve(address, int(rest[0])))
    elif (status := ask(address, rest)) < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    else:
        sys.exit(status)
