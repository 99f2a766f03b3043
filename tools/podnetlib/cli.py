# SPDX-License-Identifier: Apache-2.0
"""Arguments and output. Each command is one function and one row of the table below them."""

import argparse
import ipaddress
import json
import os
import sys

from . import cni, kernel, names, net, state
from .errors import PodnetError
from .manifests import Manifests
from .net import Node, Pod, Resource

_ABOUT = """\
Simulated EKS nodes and pods, wired as the AWS VPC CNI does it, out of network namespaces. A node is a
namespace; nodes and AWS resources hang on a routed "VPC". Nothing is ever configured in the machine's own
namespace. A net (--net) is a world of its own: several live side by side, with the same addresses.
"""


def _up(arguments):
    with net.opened(arguments.net) as opened:
        opened.up(Node(names.check_node(arguments.node), _addresses(arguments), _canonical(arguments.link_local)))


def _add(arguments):
    namespace, name = names.split_pod(arguments.pod)
    with net.opened(arguments.net) as opened:
        pod = Pod(namespace, name, arguments.node, _addresses(arguments), vlan=int(arguments.branch))
        pod.second = _canonical(arguments.second)
        opened.add([pod])


def _del(arguments):
    names.split_pod(arguments.pod)
    with net.opened(arguments.net) as opened:
        known = opened.state.pods.get(arguments.pod)
        if known and known.node != arguments.node:
            raise PodnetError(f"pod {arguments.pod} is on node {known.node}, not {arguments.node}")
        opened.delete([arguments.pod])


def _resource(arguments):
    with net.opened(arguments.net) as opened:
        opened.resource(Resource(names.check_resource(arguments.name), _addresses(arguments)))


def _apply(arguments):
    manifests = Manifests(arguments.directory)
    nodes = [node for node in manifests.nodes() if not arguments.node or node.name in arguments.node]
    missing = set(arguments.node) - {node.name for node in nodes}
    if missing:
        raise PodnetError(f"{arguments.directory} has no Node {', '.join(sorted(missing))}")
    with net.opened(arguments.net) as opened:
        for node in nodes:
            names.check_node(node.name)
            opened.up(node)
        for resource in manifests.resources():
            names.check_resource(resource.name)
            opened.resource(resource)
        opened.add(manifests.pods({node.name for node in nodes}))


def _exec(arguments):
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise PodnetError("exec: no command; `podnet exec TARGET -- COMMAND...`")
    kernel.enter(net.read(arguments.net).find(arguments.target))
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise PodnetError(f"run {command[0]}: {error.strerror}") from error


def _ls(arguments):
    listed = _listing(net.read(arguments.net))
    if arguments.output == "json":
        print(json.dumps(listed, indent=2))
        return
    rows = [("KIND", "NAME", "NODE", "INTERFACE", "ADDRESSES", "READY")]
    for kind in ("nodes", "pods", "resources"):
        for item in listed[kind]:
            name = f"{item['namespace']}/{item['name']}" if kind == "pods" else item["name"]
            where = (item.get("node", "-"), item.get("veth", "eth0"))
            rows.append((kind[:-1], name, *where, " ".join(item["addresses"]), "yes" if item["ready"] else "no"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _down(arguments):
    nets = state.known_nets() if arguments.all else [arguments.net]
    for name in nets:
        with net.opened(name) as opened:
            for node in arguments.node:
                opened.remove_node(node)
            if not arguments.node:
                opened.down()


def _listing(current):
    pods = [
        {
            "namespace": pod.namespace,
            "name": pod.name,
            "node": pod.node,
            "netns": current.netns_of(pod),
            "veth": cni.veth_of(pod),
            "second": pod.second,
            "vlan": pod.vlan,
        }
        | _common(pod)
        for pod in current.state.pods.values()
    ]
    others = {
        kind: [{"name": item.name, "netns": current.netns_of(item)} | _common(item) for item in items.values()]
        for kind, items in (("nodes", current.state.nodes), ("resources", current.state.resources))
    }
    return {"net": current.name, "vpc": names.vpc_netns(current.name), **others, "pods": pods}


def _common(thing):
    first = {state.family(address): address for address in reversed(thing.addresses)}
    return {"addresses": thing.addresses, "ip4": first.get(4), "ip6": first.get(6), "ready": thing.ready}


def _addresses(arguments):
    return _canonical(arguments.ip4 + arguments.ip6)


def _canonical(addresses):
    return [str(address) for address in addresses]


def _parser():
    parser = argparse.ArgumentParser(
        prog="podnet", description=_ABOUT + "\n" + names.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--net", default="bh", help="which net (default: %(default)s)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = _command(commands, "up", _up, "make a node", ["node"], addresses=True)
    command.add_argument(
        "--link-local",
        action="append",
        default=[],
        type=ipaddress.ip_address,
        metavar="ADDRESS",
        help="a service of the node's own, such as 169.254.170.23; may be repeated",
    )
    command = _command(commands, "add", _add, "make a pod", ["node", "pod"], addresses=True)
    command.add_argument("--branch", action="store_true", help="on a branch ENI (security groups for pods)")
    command.add_argument(
        "--second",
        action="append",
        default=[],
        type=ipaddress.ip_address,
        metavar="ADDRESS",
        help="of a second interface (the VPC CNI's multi-NIC pods); may be repeated",
    )
    _command(commands, "del", _del, "remove a pod and end its processes", ["node", "pod"])
    _command(commands, "resource", _resource, "make an AWS resource", ["name"], addresses=True)
    command = _command(commands, "apply", _apply, "make what Kubernetes manifests describe", ["directory"])
    command.add_argument("--node", action="append", default=[], help="only this node and its pods; may be repeated")
    command = _command(commands, "exec", _exec, "run a command in a pod, node or resource", ["target"])
    command.add_argument("command", nargs=argparse.REMAINDER, help="-- COMMAND...")
    command = _command(commands, "ls", _ls, "list everything", [])
    command.add_argument("-o", "--output", choices=["table", "json"], default="table")
    command = _command(commands, "down", _down, "remove the net, or only some nodes, and end its processes", [])
    command.add_argument("node", nargs="*")
    command.add_argument("--all", action="store_true", help="every net")
    return parser


def _command(commands, name, run, about, positional, addresses=False):
    command = commands.add_parser(name, help=about, description=about)
    command.set_defaults(run=run)
    for argument in positional:
        meta = {"pod": "NAMESPACE/POD", "target": "TARGET"}.get(argument, argument.upper())
        command.add_argument(argument, metavar=meta)
    for option, kind in (("--ip4", ipaddress.IPv4Address), ("--ip6", ipaddress.IPv6Address)) if addresses else ():
        command.add_argument(option, type=kind, action="append", default=[], help="may be repeated")
    return command


def main(arguments):
    parsed = _parser().parse_args(arguments)
    try:
        if os.geteuid() != 0:
            raise PodnetError("needs root: network namespaces are made and entered")
        parsed.run(parsed)
    except PodnetError as error:
        print(f"podnet: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the answer has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
