# SPDX-License-Identifier: Apache-2.0
"""The routed "VPC": a router in a namespace of its own, with one link to each node and AWS resource.

Like the VPC, it delivers an address to the interface that owns it and asks nobody (static neighbours on
both sides: no ARP, no delay), and it knows each pod's address as a secondary one of its node.
"""

from . import kernel, names
from .state import family

GATEWAY = {4: "169.254.254.1", 6: "fe80::1"}
MTU = 9001  # of the VPC and of the CNI's veths

# Addresses are usable at once, nothing is configured from outside, and sources aren't second-guessed.
QUIET = {
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv6/conf/all/disable_ipv6": 0,
    "net/ipv6/conf/default/disable_ipv6": 0,
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    "net/ipv4/ping_group_range": "0 2147483647",  # as container runtimes set it
}
FORWARDING = QUIET | {
    "net/ipv4/ip_forward": 1,
    "net/ipv6/conf/all/forwarding": 1,
    "net/ipv6/conf/default/forwarding": 1,
}


def host(address):
    """'10.0.0.1' -> '10.0.0.1/32'"""
    return f"{address}/{32 if family(address) == 4 else 128}"


def ensure_router(net):
    router = names.vpc_netns(net)
    if not kernel.exists(router):
        kernel.create([router])
    kernel.set_sysctls(router, FORWARDING)
    kernel.ip(router, ["link set lo up", f"addr replace {GATEWAY[4]}/32 dev lo"])


def link_commands(netns, device="eth0"):
    """For the router: a link into `netns`, where it is called `device`."""
    mine = names.router_link(netns, device)
    return [
        f"link add {mine} address {names.mac(netns, mine)} mtu {MTU} type veth"
        f" peer name {device} address {names.mac(netns, device)} mtu {MTU} netns {netns}",
        f"addr add {GATEWAY[6]}/64 dev {mine} nodad",
        f"link set {mine} up",
    ]


def owner_commands(netns, addresses, device="eth0"):
    """For the router: these addresses are the far interface's own."""
    mine = names.router_link(netns, device)
    commands = []
    for address in addresses:
        commands += [
            f"neigh replace {address} lladdr {names.mac(netns, device)} dev {mine} nud permanent",
            f"route replace {host(address)} dev {mine}",
        ]
    return commands


def gateway_commands(netns, families, device="eth0", table="main"):
    """For the far side: the default route, through the router."""
    router_mac = names.mac(netns, names.router_link(netns, device))
    commands = [f"link set {device} up"]
    for number in families:
        commands += [
            f"neigh replace {GATEWAY[number]} lladdr {router_mac} dev {device} nud permanent",
            f"route replace default via {GATEWAY[number]} dev {device} onlink table {table}",
        ]
    return commands


def join(net, netns, addresses, sysctls):
    """Creates a namespace that hangs on the VPC by its eth0 and has these addresses."""
    kernel.create([netns])
    kernel.set_sysctls(netns, sysctls)
    kernel.ip(names.vpc_netns(net), link_commands(netns) + owner_commands(netns, addresses))
    own = [f"addr add {host(address)} dev eth0 nodad" for address in addresses]
    kernel.ip(netns, ["link set lo up", *own, *gateway_commands(netns, families_of(addresses))])


def leave(net, netns):
    """Deleting one end deletes both at once; the namespace itself goes when the kernel gets to it."""
    kernel.ip(names.vpc_netns(net), [f"link del {names.router_link(netns)}"], tolerant=True)
    kernel.delete([netns])


def families_of(addresses):
    return sorted({family(address) for address in addresses})
