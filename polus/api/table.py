"""All operations: importing a resource's module declares its operations; a new resource is one line here."""

from polus.api import (
    account,
    events,
    settings,
    tags,
)
from polus.api.operation import REGISTRY

RESOURCES = (
    account,
    events,
    settings,
    tags,
)
OPERATIONS = sorted(REGISTRY, key=lambda operation: (operation.path, operation.method))
