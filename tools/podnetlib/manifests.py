# SPDX-License-Identifier: Apache-2.0
"""Kubernetes YAML -> nodes, pods and resources, as far as a net needs them.

Reads what `bulkhead-agent --source dir:` reads: every .yaml, .yml and .json below a directory, with several
documents and Lists. It only builds; judging whether the objects are valid is the agent's business.
"""

import ipaddress
from pathlib import Path

from .errors import PodnetError
from .state import Node, Pod, Resource

_SUFFIXES = {".yaml", ".yml", ".json"}
_FINISHED = {"Succeeded", "Failed"}
_INSTANCE_METADATA = ["169.254.169.254", "fd00:ec2::254"]
_BRANCH_ANNOTATION = "vpc.amazonaws.com/pod-eni"  # what the VPC resource controller sets


class Manifests:
    def __init__(self, directory):
        self._objects = list(_read_all(Path(directory)))

    def nodes(self):
        return [Node(node["metadata"]["name"], _node_addresses(node)) for node in self._of_kind("Node")]

    def pods(self, nodes):
        """Those bound to one of these nodes, with an address and a network of their own."""
        return [_pod(pod) for pod in self._of_kind("Pod") if _is_built(pod, nodes)]

    def resources(self):
        made = [Resource(item["metadata"]["name"], _resource_addresses(item)) for item in self._of_kind("AWSResource")]
        return [resource for resource in made if resource.addresses]

    def _of_kind(self, kind):
        return [item for item in self._objects if item.get("kind") == kind]


def _read_all(directory):
    if not directory.is_dir():
        raise PodnetError(f"read {directory}: not a directory")
    for file in sorted(directory.rglob("*")):
        if file.suffix in _SUFFIXES and file.is_file():
            for document in _documents(file):
                yield from _flattened(document)


def _documents(file):
    try:
        import yaml  # Debian's python3-yaml; only this command needs it
    except ImportError as error:
        raise PodnetError("read YAML: python3-yaml is missing; tools/setup installs it") from error
    try:
        return list(yaml.load_all(file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise PodnetError(f"read {file}: {error}") from error


def _flattened(document):
    if not isinstance(document, dict):
        return
    if document.get("kind", "").endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _flattened(item)
    else:
        yield document


def _node_addresses(node):
    listed = node.get("status", {}).get("addresses", [])
    return _canonical(entry["address"] for entry in listed if entry.get("type") == "InternalIP")


def _is_built(pod, nodes):
    spec, status = pod.get("spec", {}), pod.get("status", {})
    return (
        spec.get("nodeName") in nodes
        and not spec.get("hostNetwork", False)
        and status.get("phase") not in _FINISHED
        and bool(_pod_addresses(pod))
    )


def _pod(pod):
    meta = pod["metadata"]
    branch = _BRANCH_ANNOTATION in (meta.get("annotations") or {})
    namespace = meta.get("namespace", "default")
    return Pod(namespace, meta["name"], pod["spec"]["nodeName"], _pod_addresses(pod), vlan=int(branch))


def _pod_addresses(pod):
    status = pod.get("status", {})
    only = [{"ip": status["podIP"]}] if "podIP" in status else []
    return _canonical(entry["ip"] for entry in status.get("podIPs", only))


def _resource_addresses(resource):
    """A CIDR of one address is played by that address, a wider one by the first after its own."""
    said = resource.get("spec", {}).get("addresses", {})
    addresses = []
    for cidr in said.get("cidrs", []):
        network = ipaddress.ip_network(cidr, strict=False)
        addresses.append(str(network[0] if network.num_addresses == 1 else network[1]))
    return addresses + (_INSTANCE_METADATA if said.get("instanceMetadata") else [])


def _canonical(addresses):
    return [str(ipaddress.ip_address(address)) for address in addresses]
