"""All operations: importing a resource's module declares its operations; a new resource is one line here."""

from polus.api import tags
from polus.api.operation import REGISTRY

RESOURCES = (tags,)
OPERATIONS = sorted(REGISTRY, key=lambda operation: (operation.path, operation.method))
