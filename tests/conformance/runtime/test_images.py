"""Images under running containers, and shared by nodes."""

from kubelet.images.busybox import build_busybox
from kubelet.images.store import ImageStore
from kubelet.runtime.oci import cleanup
from tests.conformance.runtime.conftest import HEEDS_TERM, OciRig


async def test_the_image_of_a_running_container_can_be_removed(
    oci: OciRig, image_store: ImageStore
) -> None:
    container = await oci.run(HEEDS_TERM)
    try:
        assert image_store.remove("busybox:latest")
        assert image_store.remove("busybox:1.35")
        result = await oci.driver.exec_sync(container, ["ls", "/bin/busybox"], 10)
        assert result.stdout == b"/bin/busybox\n"
    finally:
        build_busybox(image_store)


async def test_two_nodes_of_a_machine_share_the_image_store(oci: OciRig) -> None:
    other = OciRig(oci.root / "second", oci.store, "10.199.18.0/24")
    await other.driver.start()
    try:
        first = await oci.run(HEEDS_TERM, uid="u1")
        second = await other.run(HEEDS_TERM, uid="u1")
        for rig, container in ((oci, first), (other, second)):
            assert (await rig.driver.exec_sync(container, ["true"], 10)).exit_code == 0
    finally:
        await other.driver.close()
        await cleanup.remove_pods(other.options)
        cleanup.remove_cgroups(other.cgroup_root)
