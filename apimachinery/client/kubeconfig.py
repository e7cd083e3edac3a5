"""Where the API server is and who we are, read from a kubeconfig file and written to one.

The format is kubectl's. Read: clusters, users (certificate, token, token file), contexts. Not
read: exec plugins and auth providers, which run programs of a user's choice; a user who needs one
is told so. Neighbours: `client.transport` uses the result, `bireme.cli` writes files with `render`.
"""

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE_ACCOUNT_DIR = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token, its namespace and the cluster's CA."""


class ConfigError(ValueError):
    """A kubeconfig that cannot be used; the message names the file and the field."""


@dataclass(frozen=True, slots=True)
class Config:
    """One server and one identity. PEM data as bytes; empty means absent."""

    server: str
    ca: bytes = b""
    certificate: bytes = b""
    key: bytes = b""
    token: str = ""
    token_file: str = ""
    """Read for each request: such tokens are renewed in place."""
    insecure: bool = False
    namespace: str = "default"

    def current_token(self) -> str:
        """The bearer token to send now, or nothing."""
        if self.token_file:
            return Path(self.token_file).read_text(encoding="utf-8").strip()
        return self.token

    def ssl_context(self) -> ssl.SSLContext:
        """TLS settings of this identity. Blocks for a moment; make it once."""
        context = ssl.create_default_context(cadata=self.ca.decode() if self.ca else None)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate:
            _load_pair(context, self.certificate, self.key)
        return context


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """The ssl module takes files only: give it one that nobody else can open, briefly."""
    with tempfile.TemporaryDirectory(prefix="bireme-tls-") as folder:
        path = Path(folder) / "pair.pem"
        path.touch(mode=0o600)
        path.write_bytes(certificate + b"\n" + key)
        context.load_cert_chain(path)


def load(path: str | Path = "", *, context: str = "") -> Config:
    """Read a kubeconfig: the path given, else $KUBECONFIG, else ~/.kube/config."""
    import yaml

    file = Path(path or os.environ.get("KUBECONFIG", "") or Path.home() / ".kube" / "config")
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the kubeconfig {file}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"the kubeconfig {file} is no YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"the kubeconfig {file} holds no mapping")
    return parse(loaded, base=file.parent, context=context)


def parse(data: Mapping[str, Any], *, base: Path, context: str = "") -> Config:
    """The identity of one context of a loaded kubeconfig; relative paths start at `base`."""
    chosen = context or str(data.get("current-context") or "")
    if not chosen:
        raise ConfigError("the kubeconfig has no current-context: name a context")
    entry = _named(data, "contexts", "context", chosen)
    cluster = _named(data, "clusters", "cluster", str(entry.get("cluster", "")))
    user = _named(data, "users", "user", str(entry.get("user", ""))) if entry.get("user") else {}
    if "exec" in user or "auth-provider" in user:
        raise ConfigError(f"user {entry['user']!r} needs a plugin: use a certificate or a token")
    server = cluster.get("server")
    if not isinstance(server, str) or not server:
        raise ConfigError(f"cluster {entry.get('cluster')!r} has no server")
    return Config(
        server=server,
        ca=_material(cluster, "certificate-authority", base),
        certificate=_material(user, "client-certificate", base),
        key=_material(user, "client-key", base),
        token=str(user.get("token", "")),
        token_file=str(base / user["tokenFile"]) if user.get("tokenFile") else "",
        insecure=bool(cluster.get("insecure-skip-tls-verify", False)),
        namespace=str(entry.get("namespace") or "default"),
    )


def _named(data: Mapping[str, Any], section: str, key: str, name: str) -> Mapping[str, Any]:
    for entry in data.get(section) or ():
        if isinstance(entry, dict) and entry.get("name") == name:
            value = entry.get(key)
            return value if isinstance(value, dict) else {}
    raise ConfigError(f"the kubeconfig has no {key} named {name!r} in {section}")


def _material(entry: Mapping[str, Any], field: str, base: Path) -> bytes:
    """PEM data given inline (base64) or as a path; inline wins, as in kubectl."""
    if inline := entry.get(f"{field}-data"):
        try:
            return base64.b64decode(inline, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise ConfigError(f"{field}-data is no base64: {error}") from error
    if path := entry.get(field):
        try:
            return (base / str(path)).read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read {field} {path}: {error.strerror}") from error
    return b""


def in_cluster(
    environment: Mapping[str, str] = os.environ, folder: Path = SERVICE_ACCOUNT_DIR
) -> Config:
    """The identity of the pod that we run in."""
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise ConfigError("KUBERNETES_SERVICE_HOST is not set: this is no pod")
    address = f"[{host}]" if ":" in host else host
    return Config(
        server=f"https://{address}:{port}",
        ca=(folder / "ca.crt").read_bytes(),
        token_file=str(folder / "token"),
        namespace=(folder / "namespace").read_text(encoding="utf-8").strip(),
    )


def render(config: Config, *, cluster: str = "bireme", user: str = "admin") -> str:
    """A kubeconfig file for kubectl with one context. Write it with mode 0600: it holds secrets."""
    import yaml

    identity: dict[str, Any] = {}
    if config.certificate:
        identity["client-certificate-data"] = base64.b64encode(config.certificate).decode()
        identity["client-key-data"] = base64.b64encode(config.key).decode()
    if config.token:
        identity["token"] = config.token
    if config.token_file:
        identity["tokenFile"] = config.token_file
    address: dict[str, Any] = {"server": config.server}
    if config.ca:
        address["certificate-authority-data"] = base64.b64encode(config.ca).decode()
    if config.insecure:
        address["insecure-skip-tls-verify"] = True
    context = {"cluster": cluster, "user": user, "namespace": config.namespace}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": address}],
        "users": [{"name": user, "user": identity}],
        "contexts": [{"name": cluster, "context": context}],
        "current-context": cluster,
    }
    return str(yaml.safe_dump(document, sort_keys=False))
