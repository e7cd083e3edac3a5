"""The loop that fills token secrets and removes those whose account is gone. Keys are secrets.

Making a token is passed in: the signing key never comes here. Neighbour: `tokens.plan` decides.
"""

from collections.abc import Callable

from apimachinery import meta, scheme, status
from apimachinery.wire import JsonObject
from controllers import base, informers, views
from controllers.tokens import plan as planning

MakeToken = Callable[[JsonObject, JsonObject], str]
"""A token that does not expire: (account, secret that it is bound to)."""


class TokenSecrets(base.Controller):
    """See the module's docstring."""

    name = "tokens-controller"
    workers = 2

    def __init__(self, context: base.Context, make: MakeToken, root_ca: str) -> None:
        super().__init__(context)
        self._make = make
        self._root_ca = root_ca
        self._secrets = context.informers.objects(scheme.SECRETS)
        self._accounts = context.informers.any(scheme.SERVICEACCOUNTS)
        self._by_account: dict[str, set[str]] = {}
        """Account → its secrets, both as namespace/name."""
        self._secrets.add_handler(self._secret_changed)
        self._accounts.add_handler(self._account_changed)

    def _secret_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        for view in (old, new):
            if view is None or not (account := planning.account_of(view.load())):
                continue
            wanted = f"{view.meta.namespace}/{account}"
            if view is new:
                self._by_account.setdefault(wanted, set()).add(key)
                self.queue.add(key)
            elif (known := self._by_account.get(wanted)) is not None:
                known.discard(key)
                if not known:
                    del self._by_account[wanted]

    def _account_changed(
        self, key: str, old: informers.HasMeta | None, new: informers.HasMeta | None
    ) -> None:
        if (old is None) != (new is None):
            for secret in self._by_account.get(key, ()):
                self.queue.add(secret)

    async def reconcile(self, key: str) -> None:
        view = self._secrets.get(key)
        if view is None or view.meta.deleting:
            return
        secret = view.load()
        name = planning.account_of(secret)
        if not name:
            return
        account = await self._account(view.meta.namespace, name)
        if account is None or planning.is_orphan(secret, account):
            await self._remove(view.meta)
        elif not planning.is_complete(secret, self._root_ca):
            token = self._make(account, secret)
            patch = planning.filled(secret, account, token, self._root_ca)
            patch["metadata"]["resourceVersion"] = view.meta.version
            await self.client.patch(scheme.SECRETS, meta.name(secret), patch, view.meta.namespace)

    async def _account(self, namespace: str, name: str) -> JsonObject | None:
        """As the server has it: a mirror may be behind, and what is removed does not come back."""
        try:
            return await self.client.get(scheme.SERVICEACCOUNTS, name, namespace)
        except status.NotFound:
            return None

    async def _remove(self, secret: views.Meta) -> None:
        try:
            await self.client.delete(
                scheme.SECRETS, secret.name, secret.namespace, preconditions={"uid": secret.uid}
            )
        except (status.NotFound, status.Conflict):
            return
