"""The expression language: values, errors, types, estimates; expectations are cel-go's."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apiserver.expressions.cel import checker, cost, parser, program, schemas, types
from apiserver.expressions.cel.program import Frame
from apiserver.expressions.cel.tree import Problem
from apiserver.expressions.cel.types import DYN
from apiserver.expressions.cel.values import CostExceeded, EvalError, Optional

SELF = {"n": 3, "s": "text", "l": [1, 2, 3], "m": {"a": "x"}, "f": 1.5}


def value(expression: str, self: Any = SELF, limit: int = 10**6) -> Any:
    tree = checker.check(expression, {"self": DYN})
    return program.compiled(tree)(Frame({"self": self}, limit))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("self.n + 1", 4),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("1 + 2 * 3 - 4", 3),
        ("self.n > 2 ? 'big' : 'small'", "big"),
        ("1 < 1.5 && 2u > 1", True),
        ("self.?x.orValue(5)", 5),
        ("self.?m.?a.value()", "x"),
        ("self.m[?'z'].hasValue()", False),
        ("[?self.?x, ?self.?n]", [3]),
        ("{?'a': self.?x, 'b': 1}", {"b": 1}),
        ("optional.none().or(optional.of(1)).value()", 1),
        ("self.?n.optMap(v, v * 2).orValue(0)", 6),
        ("cel.bind(x, self.n, x * x)", 9),
        ("self.l.all(i, v, v == i + 1)", True),
        ("self.l.exists(i, v, i == 2 && v == 3)", True),
        ("self.l.transformList(i, v, v > 1, i * v)", [2, 6]),
        ("{'a': 1}.transformMap(k, v, k + string(v))", {"a": "a1"}),
        ("{'a': 'b'}.transformMapEntry(k, v, {v: k})", {"b": "a"}),
        ("self.l.map(x, x > 1, x * 10)", [20, 30]),
        ("self.l.exists_one(x, x == 2)", True),
        ("self.l.exists(x, x / 0 > 1 || x == 2)", True),
        ("self.s.matches('^t.x')", True),
        ("'a,b'.split(',').join('-')", "a-b"),
        (r"'\u00e4\n'.size()", 2),
        (r"r'\n'", "\\n"),
        ("b'ab' == bytes('ab')", True),
        ("'%s %d %.2f %x'.format(['a', 1, 2.5, 255])", "a 1 2.50 ff"),
        ("type(1) == int && type('') != int", True),
        ("duration('90m').getHours()", 1),
        ("timestamp('2020-01-01T00:00:00Z') + duration('24h') == timestamp('2020-01-02T00:00:00Z')", True),
        ("quantity('1Gi').isGreaterThan(quantity('1Mi'))", True),
        ("quantity('1k').add(1).asInteger()", 1001),
        ("ip('::1').isLoopback() && cidr('10.0.0.0/8').containsIP('10.1.2.3')", True),
        ("cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')", True),
        ("url('https://h:8/p?a=b').getQuery()['a'][0]", "b"),
        ("semver('1.2.3-rc.1').isLessThan(semver('1.2.3')) && isSemver('v1.2', true)", True),
        ("format.dns1123Label().validate('a-b').hasValue()", False),
        ("format.named('uuid').value().validate('x').value().size()", 1),
        ("sets.equivalent([1, 1, 2], [2, 1]) && !sets.intersects([1], [2])", True),
        ("[3, 1].isSorted() || [1, 3].isSorted()", True),
        ("has(self.n) && !has(self.x)", True),
        ("'a' in self.m && 2 in self.l", True),
        ("self.m == {'a': 'x'} && self.l != [1]", True),
        ("jsonpatch.escapeKey('a/b~c')", "a~1b~0c"),
    ],
)  # fmt: skip
def test_values(expression: str, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("self.x", "no such key: x"),
        ("self.l[9]", "index out of bounds: 9"),
        ("self.n / 0", "division by zero"),
        ("9223372036854775807 + self.n", "integer overflow"),
        ("self.n + self.s", "no such overload: (int, string)"),
        ("self.l.all(x, x / 0 > 1)", "division by zero"),
        ("optional.none().value()", "optional.none() dereference"),
        ("duration(self.s)", 'time: invalid duration "text"'),
        ("int(self.s)", 'strconv.ParseInt: parsing "text": invalid syntax'),
    ],
)
def test_errors(expression: str, error: str) -> None:
    with pytest.raises(EvalError) as found:
        value(expression)
    assert str(found.value) == error


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("nope", "1:1: undeclared reference to 'nope' (in container '')\n | nope\n | ^"),
        ("self.foo()", "1:9: undeclared reference to 'foo' (in container '')"),
        ("1 == 1.0", "1:3: found no matching overload for '_==_' applied to '(int, double)'"),
        ("'a'.startsWith(1)", "'startsWith' applied to 'string.(int)'"),
        ("[1, 'a']", "1:5: expected type 'int' but found 'string'"),
        ("1.all(x, x)", "expression of type 'int' cannot be range of a comprehension"),
        ("'a'.b", "type 'string' does not support field selection"),
        ("self.", "Syntax error: mismatched input '<EOF>'"),
        ("self.a b", "Syntax error: extraneous input 'b' expecting <EOF>"),
        ("a ~ b", "Syntax error: token recognition error at: '~ b'"),
        ("has(self)", "invalid argument to has() macro"),
        ("self.all(1, true)", "argument must be a simple name"),
        ("namespace == 1", "reserved identifier: namespace"),
        ("9223372036854775808", "invalid int literal"),
    ],
)
def test_what_does_not_compile(expression: str, told: str) -> None:
    with pytest.raises(Problem) as found:
        checker.check(expression, {"self": DYN})
    assert told in str(found.value)
    assert str(found.value).startswith("ERROR: <input>:")


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("self.items.map(x, x.name)", "list(string)"),
        ("self.items.filter(x, x.n > 1)", "list(selfType.items.@idx)"),
        ("self.?items[?0].?name", "optional_type(string)"),
        ("self.labels['a'] + 'b'", "string"),
        ("self.at.getFullYear()", "int"),
        ("self.any + 1", "int"),
    ],
)
def test_types_of_a_schema(expression: str, kind: str) -> None:
    assert str(checker.check(expression, {"self": SCHEMA_TYPE}).type) == kind


ITEM = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 10}, "n": {"type": "integer"}},
}
SCHEMA_TYPE = schemas.type_of(
    {
        "type": "object",
        "properties": {
            "items": {"type": "array", "maxItems": 100, "items": ITEM},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "at": {"type": "string", "format": "date-time"},
            "any": {"x-kubernetes-int-or-string": True},
            "a-b": {"type": "string"},
            "free": {"type": "array", "items": {"type": "string"}},
        },
    }
)


@pytest.mark.parametrize(
    ("expression", "most"),
    [
        ("self.any == 1", 3),
        ("has(self.any)", 1),
        ("self.items.all(x, x.n > 0)", 2 + 100 * 6 + 1),
        ("self.items.exists(x, x.n > 0)", 2 + 100 * 7 + 1),
        ("self.items.exists_one(x, x.n > 0)", 2 + 100 * 5 + 2),
        ("self.items.map(x, x.n)", 2 + 10 + 100 * 14 + 1),
        ("self.items.map(x, x.n > 0, x.n)", 2 + 10 + 100 * 17 + 1),
        ("self.items.filter(x, x.n > 0)", 2 + 10 + 100 * 16 + 1),
        ("self.items.all(x, self.items.all(y, x == y))", 2 + 100 * (3 + 2 + 100 * 6 + 1) + 1),
        # Texts of 40 bytes: a tenth for walking them, and what is looked for.
        ("self.items[0].name.startsWith('ab')", 4 + 1),
        ("self.items[0].name.contains('ab')", 4 + 4),
        ("self.items[0].name.matches('^[a-z]+$')", 4 + 5 * 2),
        ("self.items[0].name + 'ab' == 'x'", 4 + 5 + 1),
        ("self.items[0].name == ''", 4),
        ("self.items[0].name.replace('a', 'bb').size() > 1", 4 + 8 + 1 + 1),
        ("isQuantity(self.items[0].name)", 4 + 1),
        ("[1, 2].isSorted() && 1 in [1, 2]", 10 + 2 + 10 + 2),
        ("[1] + [2] == []", 10 + 10 + 1 + 10),
        ("sets.equivalent([1, 2], [1])", 20 + 1 + 2 * 2),
        ("self.?any.optMap(x, 1).hasValue()", 2 * 2 + 13 + 1),
    ],
)
def test_the_estimate_of_what_it_may_cost(expression: str, most: int) -> None:
    assert cost.most(checker.check(expression, {"self": SCHEMA_TYPE})) == most


def test_an_estimate_without_bounds() -> None:
    found = cost.most(checker.check("self.free.all(x, x.contains('aaaa'))", {"self": SCHEMA_TYPE}))
    assert found > 10**7


@pytest.mark.parametrize(
    ("expression", "spent"),
    [
        ("self.n == 1 && has(self.t)", 2 + 1 + 1),
        ("self.l.all(x, x > 0)", 2 + 3 * (3 + 1 + 1) + 1),
        ("self.l.map(x, x)", 2 + 10 + 3 * (12 + 1) + 1),
        ("self.t.contains('0123456789')", 2 + 2 * 1),
        ("self.t.matches('abcd')", 2 + 3 * 1),
        ("1 in self.l", 2 + 3),
        ("self.l + self.l", 2 + 2 + 1),
        ("self.l.sum()", 2 + 3),
    ],
)
def test_what_is_spent(expression: str, spent: int) -> None:
    given = {"n": 1, "t": "0123456789" * 2, "l": [1, 2, 3]}
    frame = Frame({"self": given}, 10**6)
    program.compiled(checker.check(expression, {"self": DYN}))(frame)
    assert frame.cost == spent


def test_fields_have_escaped_names() -> None:
    checker.check("self.a__dash__b == ''", {"self": SCHEMA_TYPE})
    with pytest.raises(Problem, match="undefined field 'b'"):
        checker.check("self.b", {"self": SCHEMA_TYPE})


def test_loops_are_paid_for() -> None:
    with pytest.raises(CostExceeded):
        value("self.all(a, self.all(b, true))", list(range(100)), limit=5000)


def test_a_variable_hides_another_in_its_loop_only() -> None:
    assert value("self.l.map(self, self + 1) == [2, 3, 4] && self.n == 3") is True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(
    JSON,
    st.sampled_from(
        [
            "self.a",
            "self[0]",
            "self+self",
            "self==self",
            "size(self)",
            "self.all(x,x)",
            "self.?a.hasValue()",
            "string(self)",
            "self.map(k,v,k)",
            "self<1",
            "!self",
            "self.matches(self)",
            "quantity(self)",
        ]
    ),
)
def test_no_value_makes_an_expression_crash(given_value: Any, expression: str) -> None:
    """Whatever is in an object: a value or an EvalError, nothing else."""
    step = program.compiled(parser.parse(expression))
    with contextlib.suppress(EvalError):
        step(Frame({"self": given_value}, 10**6))


@given(st.text(alphabet="ab1.?[](){}:,'\"+-*/&|! \\u", max_size=30))
def test_no_text_makes_the_parser_crash(text: str) -> None:
    with contextlib.suppress(Problem):
        checker.check(text, {"a": DYN, "b": types.STRING})


def test_an_optional_is_equal_to_its_like() -> None:
    assert value("optional.of(1) == optional.of(1) && optional.of(1) != optional.none()") is True
    assert isinstance(value("self.?n"), Optional)
