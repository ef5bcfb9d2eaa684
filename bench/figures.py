"""What processes cost: processor time and memory."""

from dataclasses import dataclass

import psutil

from bench.program import Program

MIB = 1024 * 1024


def cpu(program: Program) -> dict[str, float]:
    """Seconds of processor time so far, by kind of process; of the database also of backends that have ended."""
    spent = {}
    for kind, processes in program.processes().items():
        times = [process.cpu_times() for process in processes]
        spent[kind] = sum(time.user + time.system for time in times)
        if kind == "database":
            spent[kind] += times[0].children_user + times[0].children_system
    return spent


def between(before: dict[str, float], after: dict[str, float], count: int) -> dict[str, float]:
    """Milliseconds for each of `count` requests."""
    return {kind: round((after[kind] - before[kind]) * 1000 / max(count, 1), 4) for kind in after}


@dataclass
class Memory:
    """MiB. `resident` of the largest server process; `whole` is everything, shared pages counted once."""

    server: float
    whole: float
    resident: dict[str, float]


def memory(program: Program) -> Memory:
    """What is in memory now."""
    found = program.processes()
    resident = {kind: sum(p.memory_info().rss for p in several) / MIB for kind, several in found.items()}
    whole = sum(p.memory_full_info().pss for several in found.values() for p in several) / MIB
    server = max(p.memory_info().rss for p in found["server"]) / MIB
    return Memory(round(server, 1), round(whole, 1), {k: round(v, 1) for k, v in resident.items()})


def machine() -> str:
    """What this ran on."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{psutil.cpu_count()} × {model}, {round(psutil.virtual_memory().total / 2**30)} GiB"
