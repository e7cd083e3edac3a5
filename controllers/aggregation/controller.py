"""The loop that keeps the rules of aggregating ClusterRoles. Keys are such roles.

Neighbours: `aggregation.plan` collects; the API server's authorizer reads the result like any role.
"""

from apimachinery import scheme
from controllers import base, views
from controllers.aggregation import plan as planning


class RoleAggregation(base.Controller):
    """See the module's docstring."""

    name = "clusterrole-aggregation-controller"
    workers = 1

    def __init__(self, context: base.Context) -> None:
        super().__init__(context)
        self._mirror = context.informers.objects(scheme.CLUSTERROLES)
        self._roles: dict[str, planning.Role] = {}
        self._aggregating: set[str] = set()
        self._mirror.add_handler(self._role_changed)

    def _role_changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        del old
        before = self._roles.pop(key, None)
        self._aggregating.discard(key)
        after = planning.role_of(new.load()) if new is not None else None
        if after is not None:
            self._roles[key] = after
            if after.selectors:
                self._aggregating.add(key)
                self.queue.add(key)
        for name in self._aggregating:
            above = self._roles[name]
            if any(one is not None and planning.collects(above, one) for one in (before, after)):
                self.queue.add(name)

    async def reconcile(self, key: str) -> None:
        role = self._roles.get(key)
        if role is None or not role.selectors or role.meta.deleting:
            return
        wanted = planning.rules_of(role, self._roles.values())
        if wanted != list(role.rules):
            change = {"metadata": {"resourceVersion": role.meta.version}, "rules": wanted}
            await self.client.patch(scheme.CLUSTERROLES, role.meta.name, change)
