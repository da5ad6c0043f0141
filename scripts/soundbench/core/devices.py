"""The hardware that a job computes on: device, threads and precision."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import stat
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

import torch
from torch import nn

from soundbench.core.errors import InputError
from soundbench.core.locks import hold, try_lock, wait_for_lock

logger = logging.getLogger(__name__)

# Parameters of mallopt(3).
_TRIM_THRESHOLD = -1
_MMAP_MAX = -4
_ARENA_MAX = -8

BRIEF = ".brief"  # in the names of the locks of jobs for which no GPU is reserved


def keep_freed_memory() -> None:
    """Make the allocator of glibc keep freed memory; other allocators are left as they are.

    glibc returns every large array to the system when it is freed. Clearing its pages again makes training about twice
    as slow, and the computation of features a third slower. All threads share one arena, because only the first arena
    keeps its pages.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(_ARENA_MAX, 1)


def compute_on_one_thread() -> None:
    """Limit torch and the libraries of NumPy to one thread in this process, where many processes work side by side.

    The last bits of a matrix product can depend on the number of threads.
    """
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1)


def prepare_process(seed: int, threads: int, device: str = "auto") -> None:
    """Make the computations of this process repeatable, and limit them to ``threads`` cores.

    Args:
        device: ``cpu`` hides all GPUs from this process; ``auto`` does not.
    """
    keep_freed_memory()
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    # As use_deterministic_algorithms(True, warn_only=True), which imports torch's compiler (2.11) and takes a second.
    torch.set_deterministic_debug_mode("warn")


def given_gpus() -> list[str]:
    """The environment variables, with values, by which SLURM or the user gave this process a GPU."""
    names = ("CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS")
    variables = {name: os.environ[name] for name in names if name in os.environ}
    hidden = variables.get("CUDA_VISIBLE_DEVICES") in ("", "-1", "NoDevFiles")
    return [] if hidden else [f"{name}={value}" for name, value in variables.items() if value]


def driver_version() -> str:
    """The version of NVIDIA's driver."""
    version = Path("/proc/driver/nvidia/version")
    return version.read_text().splitlines()[0] if version.exists() else "not loaded"


@cache
def choose_device(reserve: bool = False) -> torch.device:
    """The GPU, or the CPU if there is none. Of several GPUs, the one that the fewest processes of soundbench use.

    Args:
        reserve: whether this process keeps a GPU busy for long, such as a training; see :func:`take_free`.

    Raises:
        InputError: the process was given a GPU that CUDA cannot use. On the CPU it would take many times as long and
            block the GPU.
    """
    # Counting the GPUs does not start CUDA, which reads the variable only once.
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible is not None else list(map(str, range(torch.cuda.device_count())))
    if len(names) > 1:
        folder = Path(tempfile.gettempdir(), f"soundbench-gpus-{os.getuid()}")
        os.environ["CUDA_VISIBLE_DEVICES"] = take_free(names, folder, reserve)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if given := given_gpus():
        raise InputError(
            f"this job was given a GPU ({given[0]}), but CUDA cannot use it: PyTorch {torch.__version__} was built for "
            f"CUDA {torch.version.cuda or '(none)'}, and the driver is {driver_version()}. Update the driver, or "
            "install a PyTorch that fits it. To compute on the CPU, request no GPU. If a GPU is given nevertheless, "
            "set the resource device: cpu of train_model in the profile, or CUDA_VISIBLE_DEVICES to an empty text"
        )
    return torch.device("cpu")


def _make_own(folder: Path) -> None:
    """Make a folder that only this user can enter, since all users may make folders and links in a temporary directory.

    Raises:
        InputError: a link, a file or another user's folder has this name.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise InputError(
            f"{folder}: should be your own folder for locks, but is a link, a file or another user's folder. Ask its "
            "owner to remove it, or set TMPDIR to another folder"
        )
    folder.chmod(0o700)


def take_free(names: list[str], folder: Path, reserve: bool = True) -> str:
    """Take the one of ``names`` that the fewest processes on this machine have reserved, until this process ends.

    Of several, the one that the fewest brief jobs use. Brief jobs, such as evaluations, do not count otherwise: a
    training that starts beside them would share a GPU to its end, while another GPU is soon idle. If all GPUs are
    reserved, the process shares one, because waiting could take as long as a training.

    Args:
        folder: the folder of the lock files.
        reserve: whether to reserve it; a warning is logged if it is shared then.

    Raises:
        InputError: the folder is another user's, or a lock file is a link or cannot be opened.
    """
    _make_own(folder)
    try:
        with wait_for_lock(folder / "choice.lock"):  # one process chooses at a time, because _users takes the locks
            users = {name: (_users(folder, name), _users(folder, name + BRIEF)) for name in names}
            name = min(names, key=users.__getitem__)
            reserved, brief = users[name]
            hold(_lock_file(folder, name, reserved) if reserve else _lock_file(folder, name + BRIEF, brief))
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be opened as a lock ({error.strerror}); remove it") from error
    if reserve and reserved:
        logger.warning("all GPUs (%s) are in use; this job shares %s", ", ".join(names), name)
    return name


def _lock_file(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name.replace('/', '_')}{f'.{number}' if number else ''}.lock"


def _users(folder: Path, name: str) -> int:
    """How many processes have locks of this name: the number of the first that is free."""
    return next(number for number in count() if not _is_locked(_lock_file(folder, name, number)))


def _is_locked(path: Path) -> bool:
    taken = try_lock(path)
    if taken is None:
        return True
    with taken:
        return False


def device_name(device: torch.device, bfloat16: bool) -> str:
    """The name of the device and the precision of its computations, for the model's description."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})"
    return f"{name} in bf16" if bfloat16 else name


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16; ``auto`` does if the hardware does so without emulation."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return torch.cpu._is_avx512_bf16_supported()


def place(network: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to ``device``, with the channels last in memory: convolutions are faster so."""
    moved: nn.Module = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing there
    return moved
