"""What a secret of type kubernetes.io/service-account-token needs: nothing, content, or its end. Pure.

Neighbour: `tokens.controller`, which has the tokens made.
"""

import base64

from apimachinery import meta
from apimachinery.wire import JsonObject

TYPE = "kubernetes.io/service-account-token"
NAME = "kubernetes.io/service-account.name"
UID = "kubernetes.io/service-account.uid"


def account_of(secret: JsonObject) -> str:
    """The account that a token secret is for; empty for any other secret."""
    if secret.get("type") != TYPE:
        return ""
    return str((secret["metadata"].get("annotations") or {}).get(NAME) or "")


def is_orphan(secret: JsonObject, account: JsonObject | None) -> bool:
    """Whether the account is gone, or has come back as another one."""
    if account is None:
        return True
    uid = (secret["metadata"].get("annotations") or {}).get(UID)
    return bool(uid) and uid != meta.uid(account)


def is_complete(secret: JsonObject, root_ca: str) -> bool:
    data = secret.get("data") or {}
    return bool(
        data.get("token")
        and data.get("namespace")
        and (not root_ca or data.get("ca.crt") == encoded(root_ca))
        and (secret["metadata"].get("annotations") or {}).get(UID)
    )


def filled(secret: JsonObject, account: JsonObject, token: str, root_ca: str) -> JsonObject:
    """A merge patch with all that pods expect in such a secret; a token that is there stays."""
    present = secret.get("data") or {}
    data = {"namespace": encoded(meta.namespace(secret))}
    if root_ca:
        data["ca.crt"] = encoded(root_ca)
    if not present.get("token"):
        data["token"] = encoded(token)
    return {"metadata": {"annotations": {UID: meta.uid(account)}}, "data": data}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
