"""Expressions in their child process: Kubernetes' functions, errors, deadlines."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from apiserver.expressions.evaluator import Evaluator, TooSlow
from apiserver.expressions.questions import Check, Group, Outcome, Question


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def evaluator() -> AsyncIterator[Evaluator]:
    made = Evaluator()
    yield made
    await made.close()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def outcome(evaluator: Evaluator, rule: str, value: Any = None, message: str = "") -> Outcome:
    return (await evaluator.evaluate([Group(((rule, message),), {"self": value})]))[0][0]


async def problem_of(evaluator: Evaluator, rule: str) -> str:
    return (await evaluator.check([Check(rule, {"self": "dyn"})]))[0].problem


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("self.a <= self.b", {"a": 1, "b": 2}),
        ("self.a > 1.5", {"a": 2}),
        ("!has(self.x) || self.x > 1", {}),
        ("self.all(k, k.startsWith('a') && self[k] > 0)", {"ab": 1}),
        ("self.exists_one(x, x == 2)", [1, 2]),
        ("self.map(x, x * 2) == [2, 4]", [1, 2]),
        ("size(self) == 2 && self.size() == 2", "äö"),
        ("'size(' + self == 'size(x'", "x"),
        ("self.matches('^[a-z]+$')", "abc"),
        ("self.lowerAscii().split(',') == ['a', 'b']", "A,B"),
        (
            "self.isSorted() && self.sum() == 6 && self.min() == 1 && self.indexOf(2) == 1",
            [1, 2, 3],
        ),
        ("self.find('[0-9]+') == '12' && self.findAll('[0-9]+') == ['12', '3']", "a12b3"),
        ("'%s is %d%%'.format([self, 5]) == 'x is 5%'", "x"),
        ("quantity(self).isGreaterThan(quantity('1Ki')) && isQuantity('1')", "1Mi"),
        ("quantity(self).add(quantity('1')).compareTo(quantity('2')) == 0", "1"),
        ("isIP(self) && ip(self).family() == 4", "10.0.0.1"),
        ("cidr('10.0.0.0/8').containsIP(self)", "10.0.0.1"),
        ("url(self).getHost() == 'a:1' && url(self).getScheme() == 'https'", "https://a:1/b"),
        ("sets.contains(self, [1])", [1, 2]),
        ("self.getFullYear() == 2020", dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
        ("self > duration('1m')", dt.timedelta(hours=1)),
    ],
)
async def test_what_holds(evaluator: Evaluator, rule: str, value: Any) -> None:
    assert await outcome(evaluator, rule, value) == Outcome(value=True)
    assert await problem_of(evaluator, rule) == ""


async def test_what_does_not_hold_may_say_why(evaluator: Evaluator) -> None:
    assert await outcome(evaluator, "self > 1", 0) == Outcome(value=False)
    message = "'got ' + string(self)"
    assert await outcome(evaluator, "self > 1", 0, message) == Outcome(value=False, said="got 0")


async def test_what_cannot_be_evaluated(evaluator: Evaluator) -> None:
    assert (await outcome(evaluator, "self.x > 1", {})).failed == "no such key: x"
    assert (await outcome(evaluator, "1 / self > 0", 0)).failed == "division by zero"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("self.x >", "compilation failed"),
        ("self.x.nonsense()", "undeclared reference to 'nonsense'"),
        ("other > 1", "undeclared reference to 'other'"),
        ("(" * 400 + "1" + ")" * 400, "expression recursion limit exceeded"),
    ],
)
async def test_what_is_refused_in_a_definition(
    evaluator: Evaluator, rule: str, problem: str
) -> None:
    assert problem in await problem_of(evaluator, rule)


async def test_a_dear_expression_is_cut_off(evaluator: Evaluator) -> None:
    nested = "self.all(a, self.all(b, self.all(c, self.all(d, a + b + c + d >= 0))))"
    found = await outcome(evaluator, nested, list(range(300)))
    assert found.too_costly
    assert found.failed == "operation cancelled: actual cost limit exceeded"


async def test_what_is_spent_is_spent(evaluator: Evaluator) -> None:
    groups = [Group((("self.all(a, a >= 0)", ""),), {"self": list(range(1000))})] * 3
    found = await evaluator.evaluate(groups, budget=8000)
    assert [one.too_costly for (one,) in found] == [False, True, True]


async def test_a_slow_child_is_replaced() -> None:
    evaluator = Evaluator(deadline=0.0)
    with pytest.raises(TooSlow):
        await outcome(evaluator, "self == 1", 1)
    await evaluator.close()


async def test_the_authorizer_is_asked(evaluator: Evaluator) -> None:
    asked = []

    def decide(question: Question) -> tuple[bool, str]:
        asked.append(dict(question))
        return dict(question)["verb"] == "get", "because"

    rule = (
        "authorizer.requestResource.check('get').allowed() && "
        "!authorizer.group('apps').resource('deployments').namespace('n').check('delete').allowed()"
    )
    request = (("resource", "pods"), ("namespace", "default"))
    group = Group(((rule, ""),), {}, request=request)
    ((found,),) = await evaluator.evaluate([group], decide=decide)
    assert found == Outcome(value=True)
    assert asked == [
        {"resource": "pods", "namespace": "default", "verb": "get"},
        {"group": "apps", "resource": "deployments", "namespace": "n", "verb": "delete"},
    ]
