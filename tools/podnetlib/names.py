# SPDX-License-Identifier: Apache-2.0
"""What everything is called.

Network namespaces (stable: demo, tests and benches rely on them):

    <net>-vpc                     the VPC's router
    <net>-node-<node>             a node
    <net>-<node>-<ns>.<pod>       a pod
    <net>-resource-<name>         an AWS resource

A net's name has no dash and a node's no dot, so that no two of these can be the same, and none belongs
to two nets.
"""

import hashlib
import re

from .errors import PodnetError

_NET = re.compile(r"[a-z][a-z0-9]{0,14}")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DOTTED = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


def check_net(name):
    return _checked(_NET, name, "net: a letter, then letters and digits")


def check_node(name):
    _checked(_LABEL, name, "node: a DNS label")
    if name in ("node", "resource", "vpc"):
        raise PodnetError(f"'{name}' is reserved and can't name a node")
    return name


def check_resource(name):
    return _checked(_DOTTED, name, "resource: a DNS name")


def split_pod(key):
    """'blog/web-1' -> ('blog', 'web-1')."""
    namespace, slash, pod = key.partition("/")
    if not slash:
        raise PodnetError(f"'{key}' is no NAMESPACE/POD")
    _checked(_LABEL, namespace, "namespace: a DNS label")
    _checked(_DOTTED, pod, "pod: a DNS name")
    return namespace, pod


def vpc_netns(net):
    return f"{net}-vpc"


def node_netns(net, node):
    return f"{net}-node-{node}"


def pod_netns(net, node, namespace, pod):
    return f"{net}-{node}-{namespace}.{pod}"


def resource_netns(net, resource):
    return f"{net}-resource-{resource}"


def is_of_net(net, netns):
    """Whether a namespace is one that the functions above make for this net."""
    rest = netns.removeprefix(f"{net}-")
    return rest != netns and (rest == "vpc" or rest.startswith(("node-", "resource-")) or "." in rest)


def host_veth(namespace, pod, branch=False, nic=0):
    """As the VPC CNI names the host side (its pkg/networkutils, GenerateHostVethName)."""
    which = f".{nic}" if nic else ""
    return ("vlan" if branch else "eni") + _digest(f"{namespace}.{pod}{which}")[:11]


def branch_link(vlan):
    return f"vlan.eth.{vlan}"


def router_link(netns, purpose="eth0"):
    """The router's side of a link: one per namespace that hangs on it, and one per branch ENI."""
    return "vpc" + _digest(f"{netns} {purpose}")[:11]


def mac(netns, link):
    """Locally administered and derived from the name, so that both ends of a link know the other's
    before it exists: one batch of commands then needs no answer from another."""
    digits = _digest(f"{netns} {link} mac")
    return "02:" + ":".join(digits[i : i + 2] for i in range(0, 10, 2))


def _digest(text):
    return hashlib.sha1(text.encode()).hexdigest()


def _checked(pattern, name, rule):
    if not pattern.fullmatch(name):
        raise PodnetError(f"'{name}' can't be the name of a {rule}")
    return name
