"""Python programs as processes of their own, without the seconds in which each of them would load torch.

    done = run_python("-m", "unet_lib", "doctor")        as subprocess.run([sys.executable, "-m", "unet_lib", "doctor"])
    done = run_python("benchmarks/ablations/training_ablation.py", "--help")
    done = run_python("-c", "print(1 + 1)")

A server that has loaded the large libraries, and done nothing else, is forked for each call (where the system can).
"""

import gc
import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

LOADED = ["torch", "torch._dynamo", "unet_lib.cli.app", "unet_lib.training.loop", "unet_lib.evaluation.patients",
          "unet_lib.plotting"]


def run_python(*arguments: object, cwd: Path | str = ".", timeout: float = 300,
               **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end; returns its status and what it wrote. `environment` is on top of ours."""
    words, environment = [str(argument) for argument in arguments], {**os.environ, **environment}
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return subprocess.run([sys.executable, *words], cwd=cwd, timeout=timeout, env=environment, capture_output=True,
                              text=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    with TemporaryDirectory() as folder:
        written = [Path(folder, name) for name in ("stdout", "stderr")]
        process = context.Process(target=_become, args=(words, str(cwd), environment, *map(str, written)))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(words, timeout)
        return subprocess.CompletedProcess(words, process.exitcode, *(path.read_text("utf-8") for path in written))


def free_port() -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _become(words: list[str], cwd: str, environment: dict[str, str], stdout: str, stderr: str) -> None:
    """Turn this process into the program."""
    gc.freeze()  # it looks for no garbage in the libraries, nor copies them for that
    for descriptor, path in ((1, stdout), (2, stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    multiprocessing.set_start_method(None, force=True)  # the program's own choice, not the tests'
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        sys.path.insert(0, "")
        exec(words[1], {"__name__": "__main__"})
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(words[0]).parent))
        runpy.run_path(words[0], run_name="__main__")
