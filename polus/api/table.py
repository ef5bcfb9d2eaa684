"""All operations: importing a resource's module declares its operations; a new resource is one line here."""

from polus.api import events, tags
from polus.api.operation import REGISTRY

RESOURCES = (events, tags)
OPERATIONS = sorted(REGISTRY, key=lambda operation: (operation.path, operation.method))
