"""The program `polus`, also as `python -m polus`. Until its command begins, Ctrl-C ends it without a word."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)

from polus import cli  # noqa: E402 - the import is what takes long


def main() -> None:
    """What stands behind the command."""
    cli.main()


if __name__ == "__main__":
    main()
