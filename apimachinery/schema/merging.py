"""How the parts of a custom resource merge under server-side apply, from its schema.

Neighbours: `apimachinery.apply_rules` is what is made here, `node` what it is made from. Without
a schema for a place, objects there are maps and everything else is one value.
"""

from apimachinery import apply_rules as rules
from apimachinery.apply_rules import Rule, Shape
from apimachinery.schema.node import Node


def rule_of(node: Node) -> Rule:
    """The rule of a whole object of the kind."""
    from apimachinery.types.meta import ObjectMeta

    fields = {key: _rule(child) for key, child in node.fields.items()}
    fields |= {"apiVersion": rules.LEAF, "kind": rules.LEAF, "metadata": rules.of_model(ObjectMeta)}
    return Rule(Shape.STRUCT, fields=fields)


def _rule(node: Node) -> Rule:
    if node.type_name == "array" or node.items is not None:
        return _list_rule(node)
    if node.atomic:
        return rules.LEAF
    if node.fields:
        return Rule(Shape.STRUCT, fields={key: _rule(one) for key, one in node.fields.items()})
    if node.additional is not None:
        return Rule(Shape.MAP, item=_rule(node.additional))
    if node.preserve or node.embedded:
        return rules.UNKNOWN
    return rules.LEAF


def _list_rule(node: Node) -> Rule:
    if node.list_type == "set":
        return rules.SET
    if node.list_type == "map" and node.items is not None:
        known = node.items.fields
        keys = tuple(
            (key, known[key].default if key in known else None) for key in sorted(node.list_keys)
        )
        return Rule(Shape.KEYED, item=_rule(node.items), keys=keys)
    return rules.LEAF
