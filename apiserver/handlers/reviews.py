"""Questions about permissions and identities, asked by POSTing a review that nobody stores.

`handle` fills in the status of SubjectAccessReview and its kin, SelfSubjectRulesReview,
SelfSubjectReview and TokenReview. Neighbours: `apiserver.access.authz` and `apiserver.identity.authn` know the
answers; the asker was authorized to create reviews like anything else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from apimachinery import status, wire
from apiserver import negotiation
from apiserver.access import selectors
from apiserver.admission import chain
from apiserver.attributes import Attributes
from apiserver.core import Core
from apiserver.handlers import body, render, writing
from apiserver.identity import authn
from apiserver.negotiation import Transform
from apiserver.routes import Route


@dataclass(frozen=True, slots=True)
class Question:
    """A review as it arrived."""

    core: Core
    user: wire.UserInfo
    """Who asks."""
    namespace: str
    spec: wire.JsonObject


Answer = Callable[[Question], wire.JsonObject]


async def handle(core: Core, request: wire.Request, route: Route) -> wire.Response:
    """Answer 201 with the review and its status."""
    assert route.resource is not None, "the dispatcher resolved it"
    resource = route.resource
    form = negotiation.accepted(request.headers.get("accept", ""))
    if form.transform is not Transform.NONE:
        what = f"the resource {resource.gr} does not support being converted to a"
        raise status.ApiError(f"{what} {form.transform.value}", code=406, reason="NotAcceptable")
    obj = body.parse(request, core.scheme, resource.kind)
    body.expect(
        obj, core.scheme, group=resource.group, version=resource.version, kind=resource.kind
    )
    obj = body.structured(resource, obj, "Ignore", [])
    obj = await writing.admit_unstored(core, request, route, chain.CREATE, obj)
    user = request.user or authn.ANONYMOUS
    question = Question(core, user, route.namespace, obj.get("spec") or {})
    found = _REVIEWS[resource.plural](question)
    told = {**obj, "metadata": obj.get("metadata") or {}, "status": found}
    return render.plain(form, told, request, 201)


def _self_access(asked: Question) -> wire.JsonObject:
    return _access(asked, asked.user, "SelfSubjectAccessReview")


def _access_of(asked: Question) -> wire.JsonObject:
    kind = "SubjectAccessReview"
    return _access(asked, _subject(asked.spec, kind), kind)


def _local_access(asked: Question) -> wire.JsonObject:
    kind = "LocalSubjectAccessReview"
    namespace = (asked.spec.get("resourceAttributes") or {}).get("namespace", "")
    if namespace != asked.namespace:
        problem = status.invalid_value(
            "spec.resourceAttributes.namespace", namespace, "must match metadata.namespace"
        )
        raise status.invalid(kind, "", [problem], "authorization.k8s.io")
    return _access(asked, _subject(asked.spec, kind), kind)


def _access(asked: Question, user: wire.UserInfo, kind: str) -> wire.JsonObject:
    decision = asked.core.authorizer.authorize(_attributes(user, asked.spec, kind))
    told: wire.JsonObject = {"allowed": decision.allowed}
    if decision.reason:
        told["reason"] = decision.reason
    return told


def _attributes(user: wire.UserInfo, spec: wire.JsonObject, kind: str) -> Attributes:
    """What is asked about: exactly one of a resource and a path."""
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (path is None):
        problem = status.invalid_value(
            "spec.resourceAttributes",
            resource,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )
        raise status.invalid(kind, "", [problem], "authorization.k8s.io")
    if resource is None:
        assert path is not None, "one of them is there"
        return Attributes(user, path.get("verb", ""), is_resource=False, path=path.get("path", ""))
    narrowed = {key: resource.get(key) for key in ("fieldSelector", "labelSelector")}
    where = "spec.resourceAttributes"
    if errors := [
        one
        for key, value in narrowed.items()
        for one in selectors.problems(value, f"{where}.{key}")
    ]:
        raise status.invalid(kind, "", errors, "authorization.k8s.io")
    return Attributes(
        user,
        resource.get("verb", ""),
        is_resource=True,
        path="",
        group=resource.get("group", ""),
        version=resource.get("version", ""),
        resource=resource.get("resource", ""),
        subresource=resource.get("subresource", ""),
        namespace=resource.get("namespace", ""),
        name=resource.get("name", ""),
        field_selector=selectors.fields_of(narrowed["fieldSelector"]),
        label_selector=selectors.labels_of(narrowed["labelSelector"]),
    )


def _subject(spec: wire.JsonObject, kind: str) -> wire.UserInfo:
    extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
    user = wire.UserInfo(
        spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), extra
    )
    if not user.name and not user.groups:
        problem = status.required("spec.user", "at least one of user or group must be specified")
        raise status.invalid(kind, "", [problem], "authorization.k8s.io")
    return user


def _self_rules(asked: Question) -> wire.JsonObject:
    namespace = asked.spec.get("namespace", "")
    if not namespace:
        raise status.bad_request("no namespace on request")
    rules = asked.core.authorizer.rules(asked.user, namespace)
    resources = [
        {
            key: rule[key]
            for key in ("verbs", "apiGroups", "resources", "resourceNames")
            if rule.get(key)
        }
        for rule in rules
        if rule.get("resources")
    ]
    paths = [
        {"verbs": rule["verbs"], "nonResourceURLs": rule["nonResourceURLs"]}
        for rule in rules
        if rule.get("nonResourceURLs")
    ]
    return {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}


def _self(asked: Question) -> wire.JsonObject:
    return {"userInfo": user_info(asked.user)}


def _token(asked: Question) -> wire.JsonObject:
    spec = asked.spec
    token = spec.get("token", "")
    if not token:
        return {"user": {}, "error": "no token was given"}
    audiences = tuple(spec.get("audiences") or ())
    reviewer = asked.core.authenticator
    verified = reviewer.review(token, audiences) if reviewer is not None else None
    if verified is None:
        return {"user": {}, "error": "the token is not valid for these audiences"}
    return {
        "authenticated": True,
        "user": user_info(verified.user),
        "audiences": list(verified.audiences),
    }


def user_info(user: wire.UserInfo) -> wire.JsonObject:
    """A user in the shape of authentication.k8s.io/v1 UserInfo."""
    told: wire.JsonObject = {"username": user.name}
    if user.uid:
        told["uid"] = user.uid
    if user.groups:
        told["groups"] = list(user.groups)
    if user.extra:
        told["extra"] = {key: list(values) for key, values in user.extra.items()}
    return told


_REVIEWS: dict[str, Answer] = {
    "selfsubjectaccessreviews": _self_access,
    "subjectaccessreviews": _access_of,
    "localsubjectaccessreviews": _local_access,
    "selfsubjectrulesreviews": _self_rules,
    "selfsubjectreviews": _self,
    "tokenreviews": _token,
}
