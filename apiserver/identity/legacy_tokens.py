"""Tokens of the old form: no end, kept in a Secret, good as long as that Secret holds them.

Pure but for the clock that nobody needs: there is no expiry. Neighbours: `tokens` verifies
them with the others, the controller `controllers.tokens` puts them into Secrets.
"""

import math

from apimachinery import meta
from apimachinery.wire import JsonObject

ISSUER = "kubernetes/serviceaccount"
_PREFIX = "kubernetes.io/serviceaccount/"


def claims(account: JsonObject, secret: JsonObject) -> JsonObject:
    """What such a token says: whose it is, and in which Secret it lies."""
    namespace, name = meta.namespace(account), meta.name(account)
    return {
        "iss": ISSUER,
        f"{_PREFIX}namespace": namespace,
        f"{_PREFIX}secret.name": meta.name(secret),
        f"{_PREFIX}service-account.name": name,
        f"{_PREFIX}service-account.uid": meta.uid(account),
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }


def modern(found: JsonObject, claim: str, audience: str) -> JsonObject:
    """The same in the form of bound tokens: bound to the Secret, without an end."""
    bound = {
        "namespace": found.get(f"{_PREFIX}namespace", ""),
        "serviceaccount": {
            "name": found.get(f"{_PREFIX}service-account.name", ""),
            "uid": found.get(f"{_PREFIX}service-account.uid", ""),
        },
        "secret": {"name": found.get(f"{_PREFIX}secret.name", "")},
    }
    return {"iss": ISSUER, "aud": [audience], "nbf": 0.0, "exp": math.inf, claim: bound}
