"""The files of /etc that a pod gets: hosts, hostname, resolv.conf. Pure text."""

from collections.abc import Sequence

from kubelet.runtime.config import DnsConfig, HostAlias, SandboxConfig

_OWN = """\
# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""
_OF_THE_NODE = "# Kubernetes-managed hosts file (host network).\n"
# resolv.conf of the C library: longer lines are cut, more servers ignored.
MAX_NAMESERVERS = 3


def hosts(config: SandboxConfig, hostname: str, ip: str) -> str:
    """Of a pod with an address of its own."""
    line = ""
    if ip:
        # A pod may have its full name for a host name.
        short = hostname.removesuffix(f".{config.domain}")
        names = [f"{short}.{config.domain}"] if config.domain else []
        line = _one_line("\t".join([ip, *names, short])) + "\n"
    return _OWN + line + _aliases(config.host_aliases)


def node_hosts(node: str, config: SandboxConfig) -> str:
    """Of a pod on the node's network, from the node's own file."""
    return _OF_THE_NODE + node + _aliases(config.host_aliases)


def _aliases(entries: Sequence[HostAlias]) -> str:
    if not entries:
        return ""
    lines = ("\t".join([alias.ip, *alias.hostnames]) for alias in entries)
    added = "".join(_one_line(line) + "\n" for line in lines)
    return f"\n# Entries added by HostAliases.\n{added}"


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
