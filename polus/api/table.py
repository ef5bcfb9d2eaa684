"""All operations: importing a resource's module declares its operations; a new resource is one line in each list.

Each operation also has a line in `tests/samples.py`: what holds for all is tested with it.
"""

from polus.api import (
    account,
    calls,
    custom_fields,
    customers,
    events,
    field_values,
    files,
    integrations,
    jobs,
    macros,
    messages,
    metric_cards,
    presence,
    reporting,
    rules,
    search,
    settings,
    statistics,
    surveys,
    tags,
    teams,
    tickets,
    users,
    views,
    widgets,
)
from polus.api.operation import REGISTRY

RESOURCES = (
    account,
    calls,
    custom_fields,
    customers,
    events,
    field_values,
    files,
    jobs,
    integrations,
    macros,
    reporting,
    search,
    messages,
    metric_cards,
    presence,
    reporting,
    rules,
    search,
    settings,
    statistics,
    surveys,
    tags,
    teams,
    tickets,
    users,
    views,
    widgets,
)
OPERATIONS = sorted(REGISTRY, key=lambda operation: (operation.path, operation.method))
