"""The same sample kept alive by a ReplicationController."""

from tests.e2e.conftest import SAMPLES, Cluster, eventually
from tests.e2e.traffic import spread


def test_the_sample_as_replication_controller(cluster: Cluster) -> None:
    file = str(SAMPLES / "hello-rc.yaml")
    cluster.kubectl("apply", "-f", file)
    try:
        eventually(lambda: cluster.get("rc", "hello-rc")["status"].get("readyReplicas") == 3)
        eventually(lambda: len(spread("http://localhost:30081/", 30)) == 3)
        victim = cluster.pods("app=hello-rc")[0]["metadata"]["name"]
        cluster.kubectl("delete", "pod", victim)
        eventually(lambda: cluster.get("rc", "hello-rc")["status"].get("readyReplicas") == 3)
        cluster.kubectl("scale", "rc/hello-rc", "--replicas=1")
        eventually(lambda: len(cluster.pods("app=hello-rc")) == 1)
    finally:
        cluster.kubectl("delete", "-f", file)
