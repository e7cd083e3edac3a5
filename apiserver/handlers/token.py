"""TokenRequest: a signed, expiring token for a service account, bound to a pod if wanted.

Neighbours: `Core.tokens` signs, the kubelet and `kubectl create token` ask.
"""

from apimachinery import meta, scheme, status, wire
from apimachinery.wire import JsonObject
from apiserver import negotiation
from apiserver.admission import chain
from apiserver.core import Core
from apiserver.handlers import render, special, writing
from apiserver.handlers.writing import Write
from apiserver.routes import Route

DEFAULT_SECONDS = 3600
MIN_SECONDS, MAX_SECONDS = 600, 2**32
_BOUND = {"Pod": scheme.PODS, "Secret": scheme.SECRETS, "Node": scheme.NODES}


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer 201 with the request and the token in its status."""
    form = negotiation.accepted(request.headers.get("accept", ""))
    if core.tokens is None:
        raise status.service_unavailable("this server has no key to sign tokens with")
    write = writing.begin(core, request, route, "CreateOptions")
    wanted = special.read(write)
    asked = writing.attempt(write, chain.CREATE, wanted, None)
    await core.admission.mutate(asked)
    spec = wanted.setdefault("spec", {})
    _check(wanted, route.name)
    account = (await write.registry.read(route.namespace, route.name)).parse()
    await core.admission.validate(asked)
    seconds = spec.setdefault("expirationSeconds", DEFAULT_SECONDS)
    token, expires = core.tokens.issue(
        namespace=route.namespace,
        service_account=route.name,
        service_account_uid=meta.uid(account),
        audiences=tuple(spec.get("audiences") or ()),
        expires_in=seconds,
        bound=_bound(write, spec.get("boundObjectRef")),
    )
    wanted["metadata"] = {
        "name": route.name,
        "namespace": route.namespace,
        "creationTimestamp": meta.format_time(write.context.now),
    }
    wanted["status"] = {"token": token, "expirationTimestamp": meta.format_time(expires)}
    return render.kind_object(
        core, form, "authentication.k8s.io", "TokenRequest", wanted, request, code=201
    )


def _check(wanted: JsonObject, name: str) -> None:
    given = wanted["metadata"].get("name") or name
    if given != name:
        raise status.bad_request(
            f"service account name in the request body ({given}) does not match the name on the "
            f"URL ({name})"
        )
    seconds = wanted["spec"].get("expirationSeconds", DEFAULT_SECONDS)
    field = "spec.expirationSeconds"
    errors = []
    if seconds < MIN_SECONDS:
        errors.append(
            status.invalid_value(field, seconds, "may not specify a duration less than 10 minutes")
        )
    if seconds > MAX_SECONDS:
        errors.append(
            status.invalid_value(
                field, seconds, "may not specify a duration larger than 2^32 seconds"
            )
        )
    if errors:
        raise status.invalid("TokenRequest", name, errors, "authentication.k8s.io")


def _bound(write: Write, reference: JsonObject | None) -> dict[str, str] | None:
    """What the token shall die with, checked to exist."""
    if not reference:
        return None
    kind, name = reference.get("kind", ""), reference.get("name", "")
    resource = _BOUND.get(kind)
    if resource is None:
        raise status.bad_request(
            f"cannot bind token to object of type {status.quote(kind)}: unsupported"
        )
    namespace = write.route.namespace if resource.namespaced else ""
    entry = write.core.cache.get(resource, namespace, name)
    if entry is None:
        raise status.not_found(resource.plural, name)
    obj = entry.parse()
    if reference.get("uid") and reference["uid"] != meta.uid(obj):
        raise status.conflict(
            resource.plural,
            name,
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in "
            "record. The object might have been deleted and then recreated",
        )
    bound = {"kind": kind, "name": name, "uid": meta.uid(obj)}
    if kind == "Pod":
        bound |= _pod(write, obj)
    return bound


def _pod(write: Write, pod: JsonObject) -> dict[str, str]:
    """The node that a bound pod runs on; the pod must run as the account."""
    spec, name = pod.get("spec") or {}, pod["metadata"]["name"]
    account = spec.get("serviceAccountName", "")
    if account != write.route.name:
        raise status.bad_request(
            "cannot bind token for serviceaccount "
            f"{status.quote(write.route.name)} to pod running with different serviceaccount name "
            f"{status.quote(account)}: {name}"
        )
    node = spec.get("nodeName", "")
    if not node:
        return {}
    entry = write.core.cache.get(scheme.NODES, "", node)
    return {"node": node, "node_uid": meta.uid(entry.parse()) if entry is not None else ""}
