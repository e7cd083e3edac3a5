"""Bootstrap roles: what is missing comes back, what people added or opted out of stays."""

from apiserver.upkeep.rbac_defaults import completed

RULE = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
OTHER = {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}


def role(*rules: object, **annotations: str) -> dict[str, object]:
    return {"metadata": {"name": "r", "annotations": annotations}, "rules": list(rules)}


def test_nothing_to_do() -> None:
    assert completed(role(RULE, OTHER), role(RULE)) is None


def test_missing_rule_is_added_after_the_others() -> None:
    found = completed(role(OTHER), role(RULE))
    assert found is not None
    assert found["rules"] == [OTHER, RULE]


def test_missing_subject_is_added() -> None:
    found = completed({"metadata": {}, "subjects": None}, {"metadata": {}, "subjects": ["s"]})
    assert found is not None
    assert found["subjects"] == ["s"]


def test_opting_out() -> None:
    opted_out = role(OTHER, **{"rbac.authorization.kubernetes.io/autoupdate": "false"})
    assert completed(opted_out, role(RULE)) is None
