# SPDX-License-Identifier: Apache-2.0
"""One pod's wiring, as the AWS VPC CNI does it.

In the pod: eth0 with a /32 and a /128, a default route through 169.254.1.1 and fe80::1, which nobody
owns and whose neighbour entries are static: the host side's MAC.

On the node: a host route to the veth in the main table, and the rule "to <pod address> lookup main" at
512, ahead of the tables of further ENIs.

With a branch ENI (security groups for pods, strict): an interface vlan.eth.<id> on the node, a table
<id>+100 that holds the host route and the way out, and rules at 10 that send whatever enters from either
side there; the local table's rule moves from 0 to 20, behind them, so that the pod's packets leave the
node even when they are for it. (The kernel may lack 802.1Q: the branch is a link of its own to the
router, which is what a VLAN of the trunk amounts to.)

With a second interface (multi-NIC pods), the same once more for mNicIf1 and its addresses, but in a table of the
pod's own that the rule "from <address>" leads to: what answers leaves by the interface that was asked.

The veth is made from within the pod's namespace with its peer on the node. The kernel then numbers the
pod's namespace in the node's by itself, the first time that it reports the link: IFLA_LINK_NETNSID
resolves without `ip netns set`, on EKS and here.
"""

from typing import NamedTuple

from . import kernel, names, segment
from .segment import host
from .state import family

_GATEWAY = {4: "169.254.1.1", 6: "fe80::1"}
_TO_POD_PRIORITY = 512
_BRANCH_PRIORITY = 10
_LOCAL_PRIORITY_WITH_BRANCHES = 20
_BRANCH_TABLE_BASE = 100
_SECOND_TABLE = 2  # in the pod


def netns_of(net, pod):
    return names.pod_netns(net, pod.node, pod.namespace, pod.name)


def veth_of(pod):
    return names.host_veth(pod.namespace, pod.name, branch=pod.vlan != 0)


class _Interface(NamedTuple):
    device: str  # in the pod
    veth: str
    addresses: list[str]
    table: str  # in the pod, of its routes


def _interfaces_of(pod):
    first = _Interface("eth0", veth_of(pod), pod.addresses, "main")
    veth = names.host_veth(pod.namespace, pod.name, nic=1)
    return [first, _Interface("mNicIf1", veth, pod.second, _SECOND_TABLE)] if pod.second else [first]


def wire(net, node, pods):
    """Creates and connects pods of one node; one `ip` process per pod and a few for all."""
    node_netns = names.node_netns(net, node.name)
    kernel.create([netns_of(net, pod) for pod in pods])
    for pod in pods:
        kernel.set_sysctls(netns_of(net, pod), segment.QUIET)
        kernel.ip(netns_of(net, pod), _inside_commands(net, pod, node_netns))
    branches = [pod for pod in pods if pod.vlan]
    if branches:
        _put_branch_rules_first(node_netns)
    plain = [pod for pod in pods if not pod.vlan]
    kernel.ip(names.vpc_netns(net), [c for pod in plain for c in _secondary_address_commands(node, node_netns, pod)])
    for pod in branches:
        _wire_branch(net, node_netns, pod)
    kernel.ip(node_netns, [command for pod in plain for command in _node_commands(pod)])


def unwire(net, pods):
    """Removes pods, also those that are only half there."""
    per_node = {}
    for pod in pods:
        per_node.setdefault(names.node_netns(net, pod.node), []).append(pod)
    for node_netns, its_pods in per_node.items():
        commands = [command for pod in its_pods for command in _removal_commands(pod)]
        kernel.ip(node_netns, commands, tolerant=True)
    routes = [f"route del {host(address)}" for pod in pods for address in pod.all_addresses]
    kernel.ip(names.vpc_netns(net), routes, tolerant=True)
    kernel.delete([netns_of(net, pod) for pod in pods])


def _inside_commands(net, pod, node_netns):
    netns = netns_of(net, pod)
    commands = ["link set lo up"]
    for interface in _interfaces_of(pod):
        commands += _interface_commands(netns, interface, node_netns)
    for address in pod.second:
        commands.append(f"{_rule_family(address)}rule add from {host(address)} lookup {_SECOND_TABLE}")
    return commands


def _interface_commands(netns, interface, node_netns):
    device, veth, addresses, table = interface
    commands = [
        f"link add {device} address {names.mac(netns, device)} mtu {segment.MTU} type veth"
        f" peer name {veth} address {names.mac(netns, veth)} mtu {segment.MTU} netns {node_netns}",
        f"link set {device} up",
    ]
    for address in addresses:
        commands.append(f"addr add {host(address)} dev {device} nodad")
    for number in segment.families_of(addresses):
        gateway = _GATEWAY[number]
        commands += [
            f"neigh replace {gateway} lladdr {names.mac(netns, veth)} dev {device} nud permanent",
            f"route replace {host(gateway)} dev {device} scope link table {table}",
            f"route replace default via {gateway} dev {device} onlink table {table}",
        ]
    return commands


def _node_commands(pod):
    commands = []
    for interface in _interfaces_of(pod):
        commands.append(f"link set {interface.veth} up")
        for address in interface.addresses:
            commands += [
                f"route replace {host(address)} dev {interface.veth} scope link",
                f"{_rule_family(address)}rule add pref {_TO_POD_PRIORITY} to {host(address)} lookup main",
            ]
    return commands


def _secondary_address_commands(node, node_netns, pod):
    """For the router: the pod's addresses are secondary ones of the node's ENI."""
    primary = {family(address): address for address in reversed(node.addresses)}
    link = names.router_link(node_netns)
    return [
        f"route replace {host(address)} via {primary[family(address)]} dev {link} onlink"
        for address in pod.all_addresses
    ]


def _put_branch_rules_first(node_netns):
    for six in ("", "-6 "):
        move = [f"{six}rule add pref {_LOCAL_PRIORITY_WITH_BRANCHES} lookup local", f"{six}rule del pref 0"]
        kernel.ip(node_netns, move, tolerant=True)


def _wire_branch(net, node_netns, pod):
    link = names.branch_link(pod.vlan)
    veth = veth_of(pod)
    table = pod.vlan + _BRANCH_TABLE_BASE
    numbers = segment.families_of(pod.addresses)
    arriving = segment.link_commands(node_netns, link) + segment.owner_commands(node_netns, pod.addresses, link)
    kernel.ip(names.vpc_netns(net), arriving)
    # The node's own packets to the pod go out of eth0 and come back here, from an address of this node.
    kernel.set_sysctls(node_netns, {f"net/ipv4/conf/{link}/accept_local": 1})
    commands = [f"link set {veth} up", *segment.gateway_commands(node_netns, numbers, link, table)]
    for address in pod.addresses:
        commands += [
            # A neighbour advertisement to the node would follow the rule at 10 and find no local address.
            f"neigh replace {address} lladdr {names.mac(netns_of(net, pod), 'eth0')} dev {veth} nud permanent",
            f"route replace {host(address)} dev {veth} scope link table {table}",
        ]
    for six in ["-6 " if number == 6 else "" for number in numbers]:
        for device in (veth, link):
            commands.append(f"{six}rule add pref {_BRANCH_PRIORITY} iif {device} lookup {table}")
    kernel.ip(node_netns, commands)


def _removal_commands(pod):
    veth = veth_of(pod)
    commands = []
    if pod.vlan:
        link = names.branch_link(pod.vlan)
        for six in ("", "-6 "):
            for device in (veth, link):
                commands.append(f"{six}rule del pref {_BRANCH_PRIORITY} iif {device}")
        commands.append(f"link del {link}")
    else:
        for address in pod.all_addresses:
            commands.append(f"{_rule_family(address)}rule del pref {_TO_POD_PRIORITY} to {host(address)}")
    # The host routes go with the veth.
    return [*commands, *(f"link del {interface.veth}" for interface in _interfaces_of(pod))]


def _rule_family(address):
    return "-6 " if family(address) == 6 else ""
