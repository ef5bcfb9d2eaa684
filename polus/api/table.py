"""All operations: importing a resource's module declares its operations; a new resource is one line in each list."""

from polus.api import (
    account,
    custom_fields,
    customers,
    events,
    field_values,
    files,
    messages,
    search,
    settings,
    tags,
    teams,
    tickets,
    users,
)
from polus.api.operation import REGISTRY

RESOURCES = (
    account,
    custom_fields,
    customers,
    events,
    field_values,
    messages,
    files,
    search,
    settings,
    tags,
    teams,
    tickets,
    users,
)
OPERATIONS = sorted(REGISTRY, key=lambda operation: (operation.path, operation.method))
