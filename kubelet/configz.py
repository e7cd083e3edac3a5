"""`/configz`: how this agent is set up, in the fields of Kubernetes' KubeletConfiguration. Pure.

Only what the agent obeys is told; a field that is absent has no meaning here. Neighbours: `options`
holds the values, `server` answers.
"""

from apimachinery import duration
from apimachinery.wire import JsonObject
from kubelet.eviction import TRANSITION_S
from kubelet.images import collecting
from kubelet.options import Options


def configuration(options: Options) -> JsonObject:
    """The document, as kubelets wrap it."""
    found: JsonObject = {
        "registerNode": True,
        "enableServer": options.serving is not None,
        "authentication": {"anonymous": {"enabled": False}, "x509": {}},
        "registerWithTaints": [
            {"key": taint.key, "value": taint.value, "effect": taint.effect}
            for taint in options.taints
        ],
        "clusterDNS": list(options.cluster_dns),
        "clusterDomain": options.cluster_domain,
        "resolvConf": str(options.resolv_conf),
        "cgroupRoot": options.cgroup_root,
        "podCIDR": options.pod_cidr,
        "nodeStatusReportFrequency": duration.spelt(options.status_seconds),
        "nodeLeaseDurationSeconds": options.lease_seconds,
        "containerLogMaxSize": f"{options.log_max_bytes >> 20}Mi",
        "containerLogMaxFiles": options.log_max_files,
        "evictionHard": {
            one.signal: f"{one.part:.0%}" if one.part else f"{one.most >> 20}Mi"
            for one in options.eviction_hard
        },
        "evictionPressureTransitionPeriod": duration.spelt(TRANSITION_S),
        "imageGCHighThresholdPercent": round(100 * collecting.HIGH),
        "imageGCLowThresholdPercent": round(100 * collecting.LOW),
    }
    if options.capacity is not None:
        found["maxPods"] = options.capacity.pods
    if options.serving is not None:
        serving = options.serving
        found |= {"address": serving.address, "port": serving.port}
        found["authentication"]["x509"] = {"clientCAFile": str(serving.client_ca)}
        found["tlsCertFile"] = str(serving.certificate)
        found["tlsPrivateKeyFile"] = str(serving.key)
    return {"kubeletconfig": found}
