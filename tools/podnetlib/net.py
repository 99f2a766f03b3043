# SPDX-License-Identifier: Apache-2.0
"""The verbs. Each is idempotent: what is there as asked stays untouched, what differs or is half made is
removed and made anew."""

from . import cni, kernel, names, segment, state
from .errors import PodnetError
from .state import Node, Pod, Resource, family


class Net:
    """One net under its lock: `with opened("bh") as net:`."""

    def __init__(self, current):
        self.state = current
        self.name = current.net

    def up(self, node):
        """A node; a different one of that name goes first, with its pods."""
        if not node.addresses:
            raise PodnetError(f"node {node.name} needs an address")
        netns = names.node_netns(self.name, node.name)
        if self._stands(self.state.nodes.get(node.name), node, netns):
            return
        self.remove_node(node.name)
        self._claim(node.addresses, f"node {node.name}")
        self._record(self.state.nodes, node.name, node)
        segment.ensure_router(self.name)
        segment.join(self.name, netns, node.addresses, segment.FORWARDING)
        # Services like Pod Identity listen on the node's own interfaces; not every kernel has a dummy.
        kernel.ip(netns, [f"addr add {segment.host(address)} dev lo nodad" for address in node.link_local])
        self._ready([node])

    def resource(self, resource):
        if not resource.addresses:
            raise PodnetError(f"resource {resource.name} needs an address")
        netns = names.resource_netns(self.name, resource.name)
        if self._stands(self.state.resources.get(resource.name), resource, netns):
            return
        self.remove_resource(resource.name)
        self._claim(resource.addresses, f"resource {resource.name}")
        self._record(self.state.resources, resource.name, resource)
        segment.ensure_router(self.name)
        segment.join(self.name, netns, resource.addresses, segment.QUIET)
        self._ready([resource])

    def add(self, pods):
        """Pods with vlan 0, or any other number for "give it a branch ENI"."""
        wanted = [pod for pod in pods if not self._is_wired(pod)]
        self.delete([pod.key for pod in wanted])
        unrecorded = [pod for pod in wanted if kernel.exists(self.netns_of(pod))]
        if unrecorded:
            cni.unwire(self.name, unrecorded)
        for pod in wanted:
            self._check_place(pod)
            self._claim(pod.all_addresses, f"pod {pod.key}")
            if pod.vlan:
                pod.vlan = self._free_vlan(pod.node)
            self.state.pods[pod.key] = pod
        self.state.save()
        for node in {pod.node for pod in wanted}:
            cni.wire(self.name, self.state.nodes[node], [pod for pod in wanted if pod.node == node])
        self._ready(wanted)

    def delete(self, keys):
        present = [self.state.pods[key] for key in keys if key in self.state.pods]
        if not present:
            return
        cni.unwire(self.name, present)
        for pod in present:
            del self.state.pods[pod.key]
        self.state.save()

    def remove_node(self, name):
        self.delete([pod.key for pod in self.state.pods_on(name)])
        segment_end = names.node_netns(self.name, name)
        if name in self.state.nodes or kernel.exists(segment_end):
            segment.leave(self.name, segment_end)
            self.state.nodes.pop(name, None)
            self.state.save()

    def remove_resource(self, name):
        segment_end = names.resource_netns(self.name, name)
        if name in self.state.resources or kernel.exists(segment_end):
            segment.leave(self.name, segment_end)
            self.state.resources.pop(name, None)
            self.state.save()

    def down(self):
        """Everything of this net, whether it is on record or not."""
        kernel.delete([netns for netns in kernel.namespaces() if names.is_of_net(self.name, netns)])
        self.state.forget()

    def netns_of(self, thing):
        if isinstance(thing, Pod):
            return cni.netns_of(self.name, thing)
        if isinstance(thing, Node):
            return names.node_netns(self.name, thing.name)
        return names.resource_netns(self.name, thing.name)

    def find(self, target):
        """'ns/pod', or a node's or a resource's name -> its namespace."""
        if "/" in target:
            found = self.state.pods.get(target)
        else:
            found = self.state.nodes.get(target) or self.state.resources.get(target)
        if found is None:
            raise PodnetError(f"net {self.name} has no {target}")
        return self.netns_of(found)

    def _is_wired(self, pod):
        known = self.state.pods.get(pod.key)
        if known is None or bool(known.vlan) != bool(pod.vlan):
            return False
        pod.vlan = known.vlan
        return self._stands(known, pod, cni.netns_of(self.name, pod))

    def _stands(self, known, wanted, netns):
        if known is None or not known.ready or not kernel.exists(netns):
            return False
        wanted.ready = True
        return known == wanted

    def _check_place(self, pod):
        node = self.state.nodes.get(pod.node)
        if node is None or not node.ready:
            raise PodnetError(f"pod {pod.key}: there is no node {pod.node}; `podnet up {pod.node}` makes it")
        missing = {family(address) for address in pod.all_addresses} - {family(address) for address in node.addresses}
        if pod.vlan and pod.second:
            raise PodnetError(f"pod {pod.key}: a branch ENI is a pod's only interface")
        if missing or not pod.addresses:
            what = f"IPv{missing.pop()} address of node {pod.node}" if missing else "address"
            raise PodnetError(f"pod {pod.key}: needs an {what}")

    def _claim(self, addresses, who):
        for other in self.state.everything():
            shared = set(addresses) & set(getattr(other, "all_addresses", other.addresses))
            if shared:
                raise PodnetError(f"{who}: {shared.pop()} belongs to {self.netns_of(other)}")

    def _free_vlan(self, node):
        taken = {pod.vlan for pod in self.state.pods_on(node)}
        return next(number for number in range(1, 4095) if number not in taken)

    def _record(self, kind, name, thing):
        thing.ready = False
        kind[name] = thing
        self.state.save()

    def _ready(self, things):
        for thing in things:
            thing.ready = True
        self.state.save()


class opened:
    """Holds a net's lock for the length of a `with`."""

    def __init__(self, name):
        self._lock = state.locked(names.check_net(name))

    def __enter__(self):
        return Net(self._lock.__enter__())

    def __exit__(self, *reason):
        return self._lock.__exit__(*reason)


def read(name):
    """A look at a net as it was last recorded, without its lock."""
    return Net(state.load(names.check_net(name)))


__all__ = ["Net", "Node", "Pod", "Resource", "opened", "read"]
