"""Runs a script by the pgbench that comes with the embedded PostgreSQL."""

import asyncio
import re
import subprocess
import tempfile
from pathlib import Path

from bench.program import Program
from bench.statements import Script
from polus.store import cluster

TPS = re.compile(r"tps = ([0-9.]+) \(without initial connection time\)")


async def run(program: Program, script: Script, clients: int, seconds: float) -> float:
    """Transactions per second, statements prepared once per connection."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2))]
        arguments += ["-T", str(max(1, round(seconds)))]
        file = Path(folder) / "script.sql"
        file.write_text(script.text)
        arguments += ["-f", str(file)]
        for name, value in script.variables.items():
            arguments += ["-D", f"{name}={value}"]
        process = await asyncio.create_subprocess_exec(
            program.binaries / "pgbench",
            *arguments,
            program.url,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=cluster.ENVIRONMENT,
        )
        out, err = await process.communicate()
    found = TPS.search(out.decode())
    if process.returncode or found is None:
        raise SystemExit("pgbench failed: " + err.decode()[-2000:] + out.decode()[-500:])
    return float(found[1])
