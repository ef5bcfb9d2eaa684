"""Folders that all processes of one test run share; the last that needs them takes them away."""

import os
import tempfile
from pathlib import Path

_RUN = "polus-tests-" + os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))

SERVER = Path(tempfile.gettempdir()) / _RUN
"""PostgreSQL's."""

PAGES = Path(tempfile.gettempdir()) / (_RUN + "-pages")
"""Templates as the first helpdesk that was started compiled them: each other would take a second for it again."""
