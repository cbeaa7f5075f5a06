"""The GPUs of this machine, and how many of them a model needs.

In: CUDA_VISIBLE_DEVICES, or else what `nvidia-smi -L` lists. Out: names of devices; the environment that shows a worker
its own and no others. Indices are used as they come: vLLM reads them as numbers and takes no UUIDs.
"""

import math
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from generation.orders import EngineSpec
from ledger.engines import ENGINES
from ledger.errors import ConfigError

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size")
LIST_SECONDS = 30.0


def gpus() -> list[str]:
    """The devices that may be used, in their order; none on a machine without GPUs."""
    shown = os.environ.get(VISIBLE)
    if shown is not None:
        devices = [device.strip() for device in shown.split(",") if device.strip()]
        return devices[: devices.index("-1")] if "-1" in devices else devices
    return re.findall(r"^GPU (\d+):", _nvidia_smi("-L"), re.MULTILINE)


def gpu_memory() -> list[int]:
    """The memory of each device that may be used, in bytes; none where `nvidia-smi` cannot tell, or has other names."""
    listed = _nvidia_smi("--query-gpu=index,memory.total", "--format=csv,noheader,nounits")
    usable = gpus()
    return [int(mib) << 20 for index, mib in re.findall(r"^(\d+), (\d+)$", listed, re.MULTILINE) if index in usable]


def _nvidia_smi(*arguments: str) -> str:
    """What `nvidia-smi` prints; nothing on a machine without GPUs."""
    command = ["nvidia-smi", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def gpus_needed(spec: EngineSpec) -> int:
    """How many GPUs one copy of a model takes where there are any; a model behind an endpoint takes none."""
    return 0 if ENGINES[spec.kind].remote else gpus_needed_by(spec.arguments)


def gpus_needed_by(arguments: Mapping[str, Any]) -> int:
    """How many GPUs vLLM takes with these arguments, which its server also knows with hyphens. Raises ConfigError."""
    spelled = {name.replace("-", "_"): value for name, value in arguments.items()}
    sizes = {name: spelled.get(name, 1) for name in PARALLEL}
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ConfigError(f"{name} is {size!r}, not a whole number above 0.")
    return math.prod(sizes.values())


def environment_of(devices: Sequence[str]) -> dict[str, str]:
    """The environment of this process, but with these devices only."""
    # nvidia-smi counts by the bus, CUDA by speed unless it is told otherwise.
    order = {} if VISIBLE in os.environ else {ORDER: "PCI_BUS_ID"}
    return {**os.environ, **order, VISIBLE: ",".join(devices)}
