"""How much memory this process has held at most."""

import pathlib
import resource

STATUS = pathlib.Path("/proc/self/status")


def peak_gb() -> float:
    """Largest resident memory of this process [GB].

    `getrusage` would count what the process that started this one held before.
    """
    if STATUS.exists():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
