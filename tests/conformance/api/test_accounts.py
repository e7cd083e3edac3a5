"""Service accounts, their tokens and issuer, reviews of what they may, and signing requests."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from . import samples
from .clients import Api, eventually, status_of
from .test_kubectl_admin import signing_request

AUTHORIZATION = "/apis/authorization.k8s.io/v1"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def test_the_life_of_an_account(api: Api) -> None:
    path = api.path("serviceaccounts")
    start = api.get(path).json["metadata"]["resourceVersion"]
    api.make("serviceaccounts", "robot", metadata={"labels": {"kind": "robot"}})
    api.patch(f"{path}/robot", {"automountServiceAccountToken": False}, expect=200)
    everywhere = api.get("/api/v1/serviceaccounts", labelSelector="kind=robot").json["items"]
    (found,) = [one for one in everywhere if one["metadata"]["namespace"] == api.namespace]
    assert found["automountServiceAccountToken"] is False

    def put() -> bool:
        newest = api.get(f"{path}/robot").json
        newest["automountServiceAccountToken"] = True
        return api.put(f"{path}/robot", newest).code == 200

    eventually(put)
    assert api.get(f"{path}/robot").json["automountServiceAccountToken"] is True
    assert api.delete(path, labelSelector="kind=robot").code == 200
    with api.watch(path, resourceVersion=start, labelSelector="kind=robot") as events:
        kinds = [kind for kind, _ in events.until("DELETED")]
    assert kinds[0] == "ADDED"
    assert set(kinds[1:-1]) == {"MODIFIED"}


@pytest.mark.parametrize("account", [None, True, False])
@pytest.mark.parametrize("pod", [None, True, False])
def test_tokens_are_mounted_unless_somebody_says_no(
    api: Api, account: bool | None, pod: bool | None
) -> None:
    """The pod has the last word, then its account; who says nothing wants one."""

    def says(value: bool | None) -> dict[str, Any]:
        return {} if value is None else {"automountServiceAccountToken": value}

    api.make("serviceaccounts", "robot", **says(account))
    body = samples.pod("p", serviceAccountName="robot", **says(pod))
    spec = api.post(api.path("pods"), body, dryRun="All", expect=201).json["spec"]
    mounts = [one["mountPath"] for one in spec["containers"][0].get("volumeMounts", [])]
    wanted = pod if pod is not None else account is not False
    assert mounts == (["/var/run/secrets/kubernetes.io/serviceaccount"] if wanted else [])
    sources = [next(iter(one)) for volume in spec.get("volumes", [])
               for one in volume["projected"]["sources"]]  # fmt: skip
    assert sources == (["serviceAccountToken", "configMap", "downwardAPI"] if wanted else [])


def token_of(api: Api, name: str, **spec: Any) -> str:
    path = api.path("serviceaccounts", name, "token")
    answer = api.post(path, {"spec": {"expirationSeconds": 600, **spec}}, expect=201)
    return str(answer.json["status"]["token"])


def test_the_issuer_tells_by_which_keys_to_check_its_tokens(api: Api) -> None:
    """An account reads the documents itself, as a pod would."""
    api.make("serviceaccounts", "robot")
    robot = api.with_token(token_of(api, "robot"))
    token = token_of(api, "robot", audiences=["somebody"])
    told = eventually(lambda: robot.get("/.well-known/openid-configuration").json.get("issuer")
                      and robot.get("/.well-known/openid-configuration").json)  # fmt: skip
    assert told["response_types_supported"] == ["id_token"]
    assert told["subject_types_supported"] == ["public"]
    kid = jwt.get_unverified_header(token)["kid"]
    keys = robot.get("/openid/v1/jwks", "application/jwk-set+json")
    assert keys.headers["content-type"] == "application/jwk-set+json"
    (key,) = (one for one in keys.json["keys"] if one["kid"] == kid)
    assert key["alg"] in told["id_token_signing_alg_values_supported"]
    claims = jwt.decode(
        token, jwt.PyJWK(key).key, [key["alg"]], audience="somebody", issuer=told["issuer"]
    )
    assert claims["sub"] == f"system:serviceaccount:{api.namespace}:robot"
    assert status_of(api.with_token(token).get("/api")) == (401, "Unauthorized")


def test_reviews_tell_what_then_happens(api: Api) -> None:
    api.make("serviceaccounts", "robot")
    user = f"system:serviceaccount:{api.namespace}:robot"
    groups = ["system:authenticated", "system:serviceaccounts",
              f"system:serviceaccounts:{api.namespace}"]  # fmt: skip
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    api.make("roles", "lists", rules=rules)
    subject = {"kind": "ServiceAccount", "name": "robot", "namespace": api.namespace}
    role = {"kind": "Role", "apiGroup": "rbac.authorization.k8s.io", "name": "lists"}
    api.make("rolebindings", "b", subjects=[subject], roleRef=role)
    local = f"{AUTHORIZATION}/namespaces/{api.namespace}/localsubjectaccessreviews"

    def allowed(path: str, plural: str) -> bool:
        where = {"namespace": api.namespace, "verb": "list", "resource": plural, "version": "v1"}
        spec = {"user": user, "groups": groups, "resourceAttributes": where}
        body = {"metadata": {"namespace": api.namespace} if path == local else {}, "spec": spec}
        return bool(api.post(path, body, expect=201).json["status"]["allowed"])

    headers = {"Impersonate-User": user}
    eventually(lambda: allowed(local, "configmaps"))
    for plural, code in (("configmaps", 200), ("secrets", 403)):
        assert api.send("GET", api.path(plural), headers=headers).code == code
        for path in (f"{AUTHORIZATION}/subjectaccessreviews", local):
            assert allowed(path, plural) is (code == 200)


def test_the_approval_of_a_request_has_a_path_of_its_own(
    root: Api, unique: str, cleanup: Callable[[str], Any]
) -> None:
    body, _ = signing_request(unique)
    body["spec"]["signerName"] = "conformance.example/signer"
    cleanup(f"{REQUESTS}/{unique}")
    root.post(REQUESTS, body, expect=201)
    path = f"{REQUESTS}/{unique}/approval"
    assert root.get(path).json["spec"]["signerName"] == "conformance.example/signer"
    mark = {"metadata": {"annotations": {"patched": "yes"}}}
    assert root.patch(path, mark, expect=200).json["metadata"]["annotations"] == {"patched": "yes"}
    newest = root.get(path).json
    condition = {"type": "Approved", "status": "True", "reason": "E2E", "message": "by hand"}
    newest["status"]["conditions"] = [condition]
    approved = root.put(path, newest, expect=200).json["status"]["conditions"]
    assert [one["type"] for one in approved] == ["Approved"]
    rows = {one["name"]: one for one in root.get("/apis/certificates.k8s.io/v1").json["resources"]}
    for part in ("approval", "status"):
        assert set(rows[f"certificatesigningrequests/{part}"]["verbs"]) == {
            "get", "patch", "update"
        }  # fmt: skip
