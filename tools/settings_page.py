"""Writes docs/reference/settings.md from the table of settings: `make docs`."""

import sys
from pathlib import Path

from polus.base import settings

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"

HEAD = """# Settings

<!-- Written by `make docs` from polus/base/settings.py; a test compares them. -->

Each setting is an environment variable. A flag of the same name (`polus serve --help`) beats the variable, the variable
beats the default; an empty variable counts as not set. `POLUS_X_FILE` may name a file whose content is the value of
`POLUS_X`, as containers hand over secrets. A wrong value stops the start with a code, a sentence and a cure; `polus check`
also names variables that mean nothing. Values marked with * are secrets and are never shown or logged.

| variable | default | meaning |
|---|---|---|
"""

TAIL = """
## Access to object stores

`POLUS_FILES_URL` only says where. Access is read from the variables that the provider's own tools read: `AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY`, `AWS_REGION` and, for other stores that speak S3, `AWS_ENDPOINT_URL`;
`GOOGLE_APPLICATION_CREDENTIALS`; `AZURE_STORAGE_ACCOUNT_NAME` and `AZURE_STORAGE_ACCOUNT_KEY`. On a machine of the provider
its own identity is used when nothing is set.

## The embedded PostgreSQL

Without `POLUS_DATABASE_URL` a PostgreSQL 18 runs in the folder `postgres` of the data folder while any command uses it. It
listens on no network. Its logs of the last week are in `postgres/log`. `postgresql.conf` is written anew at every start:
change settings with `ALTER SYSTEM`, which beats the file and is kept. Started by root, it runs as the owner of the data
folder or, when that is root, as the system user `polus`, which is made when it is missing; folders above the data and above
the Python environment that only root may pass are opened to that one user for passing through.
"""


def page() -> str:
    """The whole page."""
    rows = []
    for row in settings.table():
        mark = "*" if settings.is_secret(row.field) else ""
        default = f"`{row.default}`" if row.default else ""
        rows.append(f"| `{row.variable}`{mark} | {default} | {row.meaning} |\n")
    return HEAD + "".join(rows) + TAIL


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
