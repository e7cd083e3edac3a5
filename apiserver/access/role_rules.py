"""Short hands for writing PolicyRules: words in a string instead of lists of strings.

Neighbours: `default_roles` and `controller_roles`. Nothing else lives here.
"""

from apimachinery import wire

READ = "get list watch"
WRITE = "create delete deletecollection patch update"


def rule(verbs: str, groups: str, resources: str, *names: str) -> wire.JsonObject:
    """Grant verbs on resources. Groups are separated by single spaces: `" apps"` is core + apps."""
    made: wire.JsonObject = {
        "apiGroups": groups.split(" "),
        "resources": resources.split(),
        "verbs": verbs.split(),
    }
    if names:
        made["resourceNames"] = list(names)
    return made


def paths(verbs: str, *urls: str) -> wire.JsonObject:
    """Grant verbs on paths outside the resources."""
    return {"nonResourceURLs": list(urls), "verbs": verbs.split()}
