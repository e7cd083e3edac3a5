"""The node's own file system, as if it were an image: for tasks that bring none, as in Mesos.

`bireme.dev/host-rootfs` has no layers and is never pulled, listed or removed; the tag, if there is
one, names the user. Who may ask for it the API server decides (`hosttasks`). Neighbours:
`kubelet.runtime.oci.hostfs` binds the machine's directories into such a container.
"""

import os
import pwd
from hashlib import sha256

from kubelet.images.interface import Image, ImageConfig

REFERENCE = "bireme.dev/host-rootfs"
ID = f"sha256:{sha256(REFERENCE.encode()).hexdigest()}"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the agent has no PATH of its own: tasks have the agent's, as in Mesos."""
ROOT = "root"


def find(text: str) -> Image | None:
    """The image, if the reference means it."""
    name, _, user = text.partition(":")
    if name != REFERENCE:
        return None
    user = user if user not in ("", "latest") else ROOT
    config = ImageConfig(
        command=("/bin/sh",),
        env=(f"PATH={os.environ.get('PATH', PATH)}", f"HOME={_home(user)}"),
        user=user,
    )
    return Image(ID, (f"{REFERENCE}:{user}",), (), 0, config, ())


def _home(user: str) -> str:
    try:
        return pwd.getpwnam(user).pw_dir
    except KeyError:
        return "/"  # that there is no such user is said when the container is made
