"""Kernels without the seconds in which each of them would load torch: forked from a server that has loaded it.

    python kernels.py SOCKET                    the server; it has loaded the large libraries, and done nothing else
    python kernels.py SOCKET -f CONNECTION      what Jupyter starts: asks for a kernel, and lives as long as it does

`kernel_spec(socket)` is what Jupyter has to know; forked_kernels.py has fixtures. Linux only. What a kernel of the
usual kind loads, and says while it does, is seen by nbval, which starts the usual kind.
"""

import gc
import json
import os
import signal
import socket
import sys
import threading

LOADED = ("ipykernel.kernelapp", "ipykernel.ipkernel", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "torch",
          "torch._dynamo",  # which torch's optimisers load
          "ipywidgets", "unet_lib.plotting", "unet_lib.models.unet", "unet_lib.data.cache",
          "unet_lib.lessons.exercises")


def kernel_spec(path: str) -> dict[str, object]:
    """A kernel.json."""
    return {"argv": [sys.executable, __file__, path, "-f", "{connection_file}"], "display_name": "Python 3",
            "language": "python", "metadata": {"debugger": False}}


def serve(path: str) -> None:
    """Fork a kernel for everyone who calls."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended kernels are nobody's to wait for
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()  # whoever calls already, waits
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as kernels do
        for name in LOADED:
            __import__(name)
        gc.freeze()  # no kernel looks for garbage in what is there, nor copies it for that
        while True:
            caller, _ = door.accept()
            message, streams, *_ = socket.recv_fds(caller, 1 << 20, 2)
            if os.fork() == 0:
                door.close()
                become(caller, streams, **json.loads(message))
            for descriptor in (*streams, caller.detach()):
                os.close(descriptor)


def become(caller: socket.socket, streams: list[int], arguments: list[str], folder: str,
           environment: dict[str, str]) -> None:
    """Turn this fork into the kernel; it ends with its caller."""
    from ipykernel.kernelapp import launch_new_instance

    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor, stream in enumerate(streams, 1):
        os.dup2(stream, descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv, sys.path[0] = ["ipykernel_launcher", *arguments], folder
    caller.sendall(str(os.getpid()).encode())
    threading.Thread(target=lambda: (caller.recv(1), os._exit(1)), daemon=True).start()
    launch_new_instance()
    sys.stdout.flush()
    os._exit(0)


def call(path: str, arguments: list[str]) -> None:
    """Ask for a kernel, hand on what interrupts it, and end with it."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        wish = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
        socket.send_fds(server, [json.dumps(wish).encode()], [1, 2])
        kernel = int(server.recv(32))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(kernel, number))
        server.recv(1)  # nothing comes: the kernel hangs up when it ends


if __name__ == "__main__":
    if len(sys.argv) > 2:
        call(sys.argv[1], sys.argv[2:])
    else:
        serve(sys.argv[1])
