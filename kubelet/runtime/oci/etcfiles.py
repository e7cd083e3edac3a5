"""The files of /etc that a pod gets: hosts, hostname, resolv.conf. Pure text."""

from collections.abc import Sequence

from kubelet.runtime.config import DnsConfig, HostAlias, SandboxConfig

_LOCALHOST = (
    "# Kubernetes-managed hosts file.",
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
)
# resolv.conf of the C library: longer lines are cut, more servers ignored.
MAX_NAMESERVERS = 3


def hosts(config: SandboxConfig, hostname: str, ip: str) -> str:
    lines = list(_LOCALHOST)
    if ip:
        # A pod may have its full name for a host name.
        short = hostname.removesuffix(f".{config.domain}")
        names = [f"{short}.{config.domain}"] if config.domain else []
        lines.append("\t".join([ip, *names, short]))
    text = "".join(_one_line(line) + "\n" for line in lines)
    return text + aliases(config.host_aliases)


def aliases(entries: Sequence[HostAlias]) -> str:
    """The pod's own lines for /etc/hosts."""
    lines = ("\t".join([alias.ip, *alias.hostnames]) for alias in entries)
    return "".join(_one_line(line) + "\n" for line in lines)


def resolv_conf(dns: DnsConfig) -> str:
    lines = []
    if dns.searches:
        lines.append("search " + " ".join(dns.searches))
    lines += [f"nameserver {server}" for server in dns.servers[:MAX_NAMESERVERS]]
    if dns.options:
        lines.append("options " + " ".join(dns.options))
    return "".join(_one_line(line) + "\n" for line in lines)


def _one_line(line: str) -> str:
    """Names are validated long before; a line break here would still be a second entry."""
    return line.replace("\n", " ").replace("\r", " ")
