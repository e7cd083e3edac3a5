"""In whose name a control loop writes: the accounts that Kubernetes gives its controllers.

Each loop may do what its own role allows and no more; the mirrors that all share are read as
`system:kube-controller-manager`. Where the controllers reach the API over a socket they have one
credential and all act as its owner. Neighbours: `controllers.manager` hands the clients out; the
roles are the API server's (`system:controller:…`).
"""

from apimachinery import wire

NAMESPACE = "kube-system"

MANAGER = wire.UserInfo("system:kube-controller-manager", groups=("system:authenticated",))
"""Who reads for all of them, elects, and reports Events."""


def user(account: str) -> wire.UserInfo:
    """The service account of one controller."""
    return wire.UserInfo(
        f"system:serviceaccount:{NAMESPACE}:{account}",
        groups=(
            "system:serviceaccounts",
            f"system:serviceaccounts:{NAMESPACE}",
            "system:authenticated",
        ),
    )


_COMPONENTS = {
    "daemon-set-controller": "daemonset-controller",
    "disruption-controller": "controllermanager",
    "persistent-volume-binder": "persistentvolume-controller",
}
"""Controllers whose Events name another component than their account (Kubernetes' names)."""


def component(account: str) -> str:
    """Whom Events of a controller come from, as `kubectl describe` shows it."""
    return _COMPONENTS.get(account, account)
