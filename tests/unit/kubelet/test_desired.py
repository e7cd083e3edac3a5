"""What a pod asks of its node, where it says something odd."""

import pytest

from kubelet import desired


@pytest.mark.parametrize(("said", "seconds"), [(None, 30.0), (0, 0.0), (7, 7.0), (-5, 1.0)])
def test_grace(said: int | None, seconds: float) -> None:
    spec = {} if said is None else {"terminationGracePeriodSeconds": said}
    assert desired.grace_seconds({"metadata": {}, "spec": spec}) == seconds
