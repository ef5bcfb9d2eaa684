"""Ctrl-C and the programs that are started here: the terminal sends it to all of them, the first one answers it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Depth(threading.local):
    open = 0


_depth = _Depth()


@contextmanager
def sheltered() -> Iterator[None]:
    """Programs that this thread starts inside never hear Ctrl-C; what comes here meanwhile is heard afterwards.

    Else it kills them while they still import, and the user reads tracebacks of a stop he asked for. Coroutines may be
    inside at the same time.
    """
    _depth.open += 1
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        _depth.open -= 1
        if not _depth.open:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
