"""`python -m polus` is `polus`."""

from polus import cli

cli.main()
