"""The `bireme` command: its table of sub-commands and how errors leave it.

Neighbours: one module per command beside this. Each is imported when it is called, so that
`bireme status` does not pay for what `bireme server` needs. kubectl stays the only command line
for objects; what stands here is what kubectl can't do.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from apimachinery import ports
from bireme.cli.errors import CommandError

app = typer.Typer(
    name="bireme",
    help="A cluster manager: the Kubernetes API with Mesos-style resource offers.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
image_app = typer.Typer(help="Images in the local store.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens with which nodes join.", no_args_is_help=True)
app.add_typer(image_app, name="image")
app.add_typer(token_app, name="token")

DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Where the cluster keeps its files (default: /var/lib/bireme as root)."
    ),
]


AdmissionOption = Annotated[
    Path | None,
    typer.Option(help="An AdmissionConfiguration: PodSecurity's defaults and exemptions."),
]
AuthenticationOption = Annotated[
    Path | None,
    typer.Option(help="An AuthenticationConfiguration: issuers of tokens (OpenID Connect)."),
]
CredentialsOption = Annotated[
    Path | None, typer.Option(help="A file of principals and secrets, as Mesos' masters read.")
]
RegionOption = Annotated[
    str, typer.Option(help="Keep nodes of other regions to frameworks that know of regions.")
]


def _absolute(path: Path | None) -> str:
    """A file as the processes that `up` leaves behind find it; empty where none was named."""
    return str(path.absolute()) if path is not None else ""


@app.command()
def up(
    nodes: Annotated[int | None, typer.Option(help="How many nodes on this machine.")] = None,
    store: Annotated[
        str | None, typer.Option(help="sqlite, etcd (one of our own), memory, or etcd's URL.")
    ] = None,
    runtime: Annotated[str | None, typer.Option(help="oci or fake.")] = None,
    data_dir: DataDirOption = None,
    port: Annotated[int | None, typer.Option(help="The API's port (6443).")] = None,
    offers_port: Annotated[
        int | None, typer.Option(help="The offer API's port (5050), for Mesos frameworks.")
    ] = None,
    node_cpus: Annotated[str, typer.Option(help="What each node advertises, such as 2.")] = "",
    node_memory: Annotated[str, typer.Option(help="What each node advertises, e.g. 4Gi.")] = "",
    oversubscribe: Annotated[
        str, typer.Option(help="What each node lends: cpu=AMOUNT, or slack (what is idle).")
    ] = "",
    node_monitor_grace_period: Annotated[
        float | None, typer.Option(help="Seconds of silence after which a node is NotReady (40).")
    ] = None,
    admission_control_config_file: AdmissionOption = None,
    authentication_config: AuthenticationOption = None,
    offers_bind: Annotated[
        str, typer.Option(help="Where the offer API listens; beyond loopback with credentials.")
    ] = "",
    offers_credentials: CredentialsOption = None,
    offer_rivals: Annotated[
        str, typer.Option(help="Frameworks that are offered the same at a time (1): first come.")
    ] = "",
    region: RegionOption = "",
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when ready and leave it running.")
    ] = False,
) -> None:
    """Start a cluster on this machine; `up` again brings the same one back."""
    from bireme.cli import cluster
    from bireme.cli import up as command

    command.run(
        cluster.Asked(
            nodes=nodes,
            store=store,
            runtime=runtime,
            port=port,
            offers_port=offers_port,
            node_cpus=node_cpus,
            node_memory=node_memory,
            oversubscribe=oversubscribe,
            node_monitor_grace_period=node_monitor_grace_period,
            admission_control_config_file=_absolute(admission_control_config_file),
            authentication_config=_absolute(authentication_config),
            offers_bind=offers_bind,
            offers_credentials=_absolute(offers_credentials),
            offer_rivals=offer_rivals,
            region=region,
        ),
        data_dir,
        detach=detach,
    )


@app.command()
def down(
    data_dir: DataDirOption = None,
    purge: Annotated[bool, typer.Option("--purge", help="Remove the data too.")] = False,
) -> None:
    """Stop the cluster and leave nothing of it running or mounted."""
    from bireme.cli import down as command

    command.run(data_dir, purge=purge)


@app.command()
def status(data_dir: DataDirOption = None) -> None:
    """Say which processes run and whether the API answers."""
    from bireme.cli import status as command

    command.run(data_dir)


@app.command()
def doctor() -> None:
    """Say what this machine lacks, and how to get it."""
    from bireme.cli import doctor as command

    command.run()


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def kubectl() -> None:
    """Run the bundled kubectl against this cluster."""
    from bireme.cli import kubectl as command

    # As they were given: `exec POD -- COMMAND` needs the "--" that the parser drops.
    command.run(sys.argv[2:])


@app.command()
def server(
    data_dir: DataDirOption = None,
    port: Annotated[int, typer.Option(help="The API's port.")] = 6443,
    bind: Annotated[
        list[str] | None, typer.Option(help="An address to listen on; may be repeated.")
    ] = None,
    store: Annotated[str, typer.Option(help="sqlite, memory, or etcd's URL.")] = "sqlite",
    service_cidr: Annotated[str, typer.Option(help="Where ClusterIPs come from.")] = "10.96.0.0/16",
    cluster_cidr: Annotated[str, typer.Option(help="Where pod ranges come from.")] = "10.71.0.0/16",
    node_monitor_grace_period: Annotated[
        float, typer.Option(help="Seconds of silence after which a node is NotReady.")
    ] = 40.0,
    slot: Annotated[
        int | None, typer.Option(help="Serve this machine's node network too (set by `up`).")
    ] = None,
    offers_port: Annotated[
        int | None, typer.Option(help="The offer API's port (5050, or a free one).")
    ] = None,
    offers_bind: Annotated[
        str, typer.Option(help="Where the offer API listens; beyond loopback with credentials.")
    ] = "127.0.0.1",
    offers_credentials: CredentialsOption = None,
    offer_rivals: Annotated[
        int, typer.Option(help="Frameworks that are offered the same at a time: first come.")
    ] = 1,
    region: RegionOption = "",
    admission_control_config_file: AdmissionOption = None,
    authentication_config: AuthenticationOption = None,
    only: Annotated[
        str, typer.Option(help="One part alone: apiserver, controllers or scheduling.")
    ] = "",
    kubeconfig: Annotated[
        Path | None, typer.Option(help="With --only controllers or scheduling.")
    ] = None,
) -> None:
    """Run the control plane in this process."""
    from bireme.cli import server as command

    options = command.ServerOptions(
        port=port,
        bind=tuple(bind or ["127.0.0.1"]),
        store=store,
        service_cidr=service_cidr,
        cluster_cidr=cluster_cidr,
        node_monitor_grace_period=node_monitor_grace_period,
        slot=slot,
        only=only,
        kubeconfig=kubeconfig,
        offers_port=offers_port,
        offers_bind=offers_bind,
        offers_credentials=offers_credentials,
        offer_rivals=offer_rivals,
        region=region,
        admission=admission_control_config_file,
        authentication=authentication_config,
    )
    command.run(options, data_dir)


@app.command()
def node(
    name: Annotated[str, typer.Option(help="The node's name (default: the host's).")] = "",
    server: Annotated[str, typer.Option(help="The API server's URL, to join by token.")] = "",
    token: Annotated[str, typer.Option(help="From `bireme token create`.")] = "",
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Credentials of a node that has joined.")
    ] = None,
    data_dir: DataDirOption = None,
    address: Annotated[str, typer.Option(help="The node's own address.")] = "",
    pod_cidr: Annotated[str, typer.Option(help="The addresses of its pods.")] = "",
    service_cidr: Annotated[str, typer.Option(help="The cluster's ClusterIPs.")] = "10.96.0.0/16",
    cluster_cidr: Annotated[str, typer.Option(help="All nodes and pods.")] = "10.71.0.0/16",
    netns: Annotated[Path | None, typer.Option(help="Live in this network namespace.")] = None,
    images: Annotated[Path | None, typer.Option(help="The image store's directory.")] = None,
    runtime: Annotated[str, typer.Option(help="oci or fake.")] = "oci",
    hollow: Annotated[int, typer.Option(help="Be this many nodes that run nothing.")] = 0,
    node_cpus: Annotated[str, typer.Option(help="CPUs to advertise (all).")] = "",
    node_memory: Annotated[str, typer.Option(help="Memory to advertise (all).")] = "",
    oversubscribe: Annotated[
        str, typer.Option(help="What is lent of what is booked: cpu=AMOUNT, or slack.")
    ] = "",
    cgroup_root: Annotated[str, typer.Option(help="Above the cgroups of its pods.")] = "/bireme",
    port: Annotated[int, typer.Option(help="Where logs and exec are served.")] = ports.KUBELET,
    tls_cert_file: Annotated[Path | None, typer.Option(help="For that port.")] = None,
    tls_private_key_file: Annotated[Path | None, typer.Option(help="For that port.")] = None,
    client_ca_file: Annotated[Path | None, typer.Option(help="Who may connect there.")] = None,
) -> None:
    """Run a node agent in this process."""
    from bireme.cli import node as command

    options = command.NodeCommand(
        name=name,
        server=server,
        token=token,
        kubeconfig=kubeconfig,
        address=address,
        pod_cidr=pod_cidr,
        service_cidr=service_cidr,
        cluster_cidr=cluster_cidr,
        netns=netns,
        images=images,
        runtime=runtime,
        hollow=hollow,
        cpus=node_cpus,
        memory=node_memory,
        oversubscribe=oversubscribe,
        cgroup_root=cgroup_root,
        port=port,
        tls_cert_file=tls_cert_file,
        tls_private_key_file=tls_private_key_file,
        client_ca_file=client_ca_file,
    )
    command.run(options, data_dir)


@app.command()
def marathon(
    master: Annotated[
        str, typer.Option(help="The offer API's URL (default: of the cluster on this machine).")
    ] = "",
    bind: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="The REST API's port (8080).")] = None,
    name: Annotated[str, typer.Option(help="The framework's name.")] = "marathon",
    role: Annotated[str, typer.Option(help="The role whose share it takes.")] = "marathon",
    user: Annotated[str, typer.Option(help="As whom tasks run that say nothing.")] = "root",
    principal: Annotated[str, typer.Option(help="Its name where the master asks.")] = "",
    secret_file: Annotated[Path | None, typer.Option(help="Holds the principal's secret.")] = None,
    ca_file: Annotated[
        Path | None, typer.Option(help="Who vouches for a master at https (its pki/ca.crt).")
    ] = None,
    credentials_file: Annotated[
        Path | None, typer.Option(help="Holds user:password that clients of the API must show.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(help="Where apps are kept (default: marathon.db in the data directory)."),
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Serve Marathon's REST API: long-running apps on the offer API, beside pods."""
    from bireme.cli import marathon as command

    command.run(
        command.Asked(
            master=master,
            bind=bind,
            port=port,
            name=name,
            role=role,
            user=user,
            principal=principal,
            secret_file=secret_file,
            ca_file=ca_file,
            credentials_file=credentials_file,
            state=state,
        ),
        data_dir,
    )


@app.command()
def offers(
    data_dir: DataDirOption = None,
    once: Annotated[bool, typer.Option("--once", help="Print it once and end.")] = False,
    output: Annotated[
        str, typer.Option("--output", "-o", help="table, or json for programs.")
    ] = "table",
) -> None:
    """Show shares of roles, offers with their ages, and who waits for what and why."""
    from bireme.cli import offers as command

    command.run(data_dir, once=once, output=output)


@token_app.command("create")
def token_create(
    data_dir: DataDirOption = None,
    hours: Annotated[float, typer.Option(help="For how long it is good.")] = 24.0,
) -> None:
    """Print a token with which a node can join."""
    from bireme.cli import token as command

    command.create(data_dir, hours)


@token_app.command("list")
def token_list(data_dir: DataDirOption = None) -> None:
    """List the tokens by their ids."""
    from bireme.cli import token as command

    command.show(data_dir)


@image_app.command("import")
def image_import(file: Path, data_dir: DataDirOption = None) -> None:
    """Add the images of an OCI layout or `docker save` archive."""
    from bireme.cli import image as command

    command.import_(file, data_dir)


@image_app.command("build")
def image_build(
    dockerfile: Annotated[str, typer.Argument(help="busybox: from the machine's own busybox.")],
    data_dir: DataDirOption = None,
) -> None:
    """Make an image here: for now `busybox`, which needs no registry."""
    from bireme.cli import image as command

    command.build(dockerfile, data_dir)


@image_app.command("list")
def image_list(data_dir: DataDirOption = None) -> None:
    """List the images."""
    from bireme.cli import image as command

    command.show(data_dir)


@image_app.command("rm")
def image_rm(reference: str, data_dir: DataDirOption = None) -> None:
    """Remove an image by name."""
    from bireme.cli import image as command

    command.remove(reference, data_dir)


def main() -> None:
    """Run the command line; every foreseeable failure is one sentence on stderr."""
    try:
        app()
    except CommandError as error:
        sys.exit(f"bireme: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
