"""`kubectl --as` under rights that are good for one thing only."""

import asyncio
from typing import Any

import aiohttp
import yaml

from apiserver.identity import pki

from .conftest import Cluster

RBAC = "/apis/rbac.authorization.k8s.io/v1"
SECONDS = 20.0
"""How long a new binding may take to count on a busy machine."""


async def grant(
    cluster: Cluster, user: str, *rules: tuple[str, str, str, list[str]], discovery: str = ""
) -> None:
    name = user.replace(":", "-")
    made: list[dict[str, Any]] = [
        {"verbs": [verb], "apiGroups": [group], "resources": [resource],
         **({"resourceNames": names} if names else {})}
        for verb, group, resource, names in rules
    ]  # fmt: skip
    subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "ClusterRole", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
    bound = {"metadata": {"name": name}, "subjects": [subject], "roleRef": reference}
    if discovery:
        paths = ["/api", "/api/*", "/apis", "/apis/*"]
        made.append({"verbs": [discovery], "nonResourceURLs": paths})
    for plural, body in (
        ("clusterroles", {"metadata": {"name": name}, "rules": made}),
        ("clusterrolebindings", bound),
    ):
        code, told = await cluster.send("POST", f"{RBAC}/{plural}", body)
        assert code == 201, told


async def ask(cluster: Cluster, *arguments: str) -> tuple[int, str, str]:
    """As jane."""
    path = cluster.folder / "jane"
    if not path.exists():
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": "janes-token"}
        path.write_text(yaml.safe_dump(config))
    return await cluster.kubectl("--kubeconfig", str(path), *arguments)


async def test_a_name_is_lent_for_one_verb(cluster: Cluster) -> None:
    await grant(cluster, "bob", ("list", "", "configmaps", []), ("list", "", "secrets", []))
    await grant(
        cluster, "jane",
        ("impersonate:user-info", "authentication.k8s.io", "users", ["bob"]),
        ("impersonate-on:user-info:list", "", "configmaps", []),
        discovery="impersonate-on:user-info:get",
    )  # fmt: skip
    async with asyncio.timeout(SECONDS):
        while (told := await ask(cluster, "--as=bob", "get", "configmaps"))[0]:
            assert told[0] == 1, told
            await asyncio.sleep(0.05)
    # bob may, but not jane as bob; and jane may not at all, nor as somebody else.
    for arguments, missing in (
        (("--as=bob", "get", "secrets"), "cannot impersonate-on:user-info:list resource"),
        (("get", "configmaps"), 'User "jane" cannot list resource "configmaps"'),
        (("--as=ann", "get", "configmaps"), "cannot impersonate:user-info resource"),
        (("--as=bob", "--as-group=system:masters", "get", "configmaps"),
         "impersonating the system:masters group is not allowed"),
    ):  # fmt: skip
        code, _, errors = await ask(cluster, *arguments)
        assert code == 1
        assert missing in errors, errors


async def test_the_scheduler_lends_itself_names_to_make_pods_only(cluster: Cluster) -> None:
    """Split from the API server, the offer master makes its frameworks' pods in their names."""
    pair = cluster.keys.client("scheduler", pki.Subject("system:kube-scheduler"))
    tls = cluster.tls()
    tls.load_cert_chain(pair.cert, pair.key)
    headers = {"Impersonate-User": "offers:spark", "Impersonate-Group": "offers:principals"}
    await grant(cluster, "offers:spark", ("*", "", "pods", []), ("*", "", "configmaps", []))
    pods, configs = (f"/api/v1/namespaces/default/{one}" for one in ("pods", "configmaps"))
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    async with aiohttp.ClientSession(cluster.url, headers=headers) as session:

        async def send(method: str, path: str, body: Any = None) -> tuple[int, str]:
            async with session.request(method, path, json=body, ssl=tls) as answer:
                return answer.status, await answer.text()

        async with asyncio.timeout(SECONDS):
            while (told := await send("POST", pods, pod))[0] != 201:
                assert told[0] == 403, told
                await asyncio.sleep(0.05)
        for method, path in (("GET", pods), ("DELETE", f"{pods}/p"), ("POST", configs)):
            code, text = await send(method, path, {"metadata": {"name": "c"}})
            assert code == 403
            assert "cannot impersonate-on:user-info:" in text
        session.headers["Impersonate-Group"] = "system:masters"
        code, text = await send("POST", pods, pod)
        assert (code, "system:masters group is not allowed" in text) == (403, True)
