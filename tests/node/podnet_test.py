# SPDX-License-Identifier: Apache-2.0
"""tools/podnet as its users see it: through its command line, and through what `ip` and ping say.

`--list` names the tests, one a line, for ctest; a name as the argument runs that one. Exits with 77 where
it can't run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PODNET = Path(__file__).parents[2] / "tools" / "podnet"
NET = f"pt{os.getpid()}"
OTHER_NET = f"{NET}x"
DEADLINE = 10.0  # seconds; generous, nothing waits that long unless it is broken


def podnet(*arguments, net=NET, check=True):
    done = subprocess.run([PODNET, "--net", net, *arguments], text=True, capture_output=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"podnet {' '.join(arguments)}: {done.stderr}")
    return done


def ip(netns, *arguments):
    where = ["-n", netns] if netns else []
    done = subprocess.run(["ip", "-j", *where, *arguments], text=True, capture_output=True, check=True)
    return json.loads(done.stdout or "[]")


def listing(net=NET):
    return json.loads(podnet("ls", "-o", "json", net=net).stdout)


def netns_names():
    return {name for name in os.listdir("/run/netns")} if os.path.isdir("/run/netns") else set()


def left_of(net):
    return {name for name in netns_names() if name.startswith(f"{net}-")}


def reaches(source, address, net=NET):
    """One echo request, at once: whoever needs a second one hasn't been wired right."""
    done = podnet("exec", source, "--", "ping", "-n", "-q", "-c1", "-W2", address, net=net, check=False)
    return done.returncode == 0


def wait_until(condition, what):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} didn't happen in {DEADLINE} s")
        time.sleep(0.002)


class NetTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(podnet, "down")


class Wiring(NetTest):
    """What the agent relies on, because the VPC CNI does it."""

    def setUp(self):
        super().setUp()
        podnet("up", "node-a", "--ip4", "10.0.0.11", "--ip6", "fd00:10::11")
        podnet("add", "node-a", "blog/web", "--ip4", "10.0.1.10", "--ip6", "fd00:10:0:1::10")
        self.node = f"{NET}-node-node-a"
        self.pod = f"{NET}-node-a-blog.web"

    def test_the_host_side_is_named_after_the_pod(self):
        # printf blog.web | sha1sum | cut -c1-11
        self.assertEqual(len(ip(self.node, "link", "show", "eni0eaba56ab69")), 1)
        podnet("add", "node-a", "blog/db", "--ip4", "10.0.1.11", "--branch")
        # printf blog.db | sha1sum | cut -c1-11
        self.assertEqual(len(ip(self.node, "link", "show", "vlan" + sha1_of("blog.db")[:11])), 1)

    def test_the_pod_has_single_addresses_and_routes_to_a_static_neighbour(self):
        host_mac = ip(self.node, "link", "show", "eni0eaba56ab69")[0]["address"]
        for family, gateway, length, own in (
            ("-4", "169.254.1.1", 32, "10.0.1.10"),
            ("-6", "fe80::1", 128, "fd00:10:0:1::10"),
        ):
            with self.subTest(family):
                address = ip(self.pod, family, "addr", "show", "eth0", "scope", "global")[0]["addr_info"][0]
                self.assertEqual((address["local"], address["prefixlen"]), (own, length))
                self.assertNotIn("tentative", address)
                default = ip(self.pod, family, "route", "show", "default")[0]
                self.assertEqual((default["gateway"], default["dev"]), (gateway, "eth0"))
                neighbour = ip(self.pod, family, "neigh", "show", gateway)[0]
                self.assertEqual((neighbour["lladdr"], neighbour["state"]), (host_mac, ["PERMANENT"]))

    def test_the_node_has_a_host_route_and_a_rule_at_512(self):
        for family, address in (("-4", "10.0.1.10"), ("-6", "fd00:10:0:1::10")):
            with self.subTest(family):
                route = ip(self.node, family, "route", "show", "table", "main", address)[0]
                self.assertEqual(route["dev"], "eni0eaba56ab69")
                rules = [rule for rule in ip(self.node, family, "rule", "show") if rule["priority"] == 512]
                self.assertEqual([(rule["dst"], rule["table"]) for rule in rules], [(address, "main")])

    def test_each_pod_has_a_number_in_its_nodes_namespace(self):
        podnet("add", "node-a", "blog/api", "--ip4", "10.0.1.11")
        numbers = [link["link_netnsid"] for link in ip(self.node, "link") if link["ifname"].startswith("eni")]
        self.assertEqual(len(set(numbers)), 2)
        self.assertTrue(all(number >= 0 for number in numbers))

    def test_a_branch_pod_lives_in_a_table_of_its_own(self):
        podnet("add", "node-a", "blog/db", "--ip4", "10.0.1.11", "--ip6", "fd00:10:0:1::11", "--branch")
        veth = "vlan" + sha1_of("blog.db")[:11]
        for family, address in (("-4", "10.0.1.11"), ("-6", "fd00:10:0:1::11")):
            with self.subTest(family):
                self.assertEqual(ip(self.node, family, "route", "show", "table", "main", address), [])
                self.assertEqual(ip(self.node, family, "route", "show", "table", "101", address)[0]["dev"], veth)
                rules = [rule for rule in ip(self.node, family, "rule", "show") if rule["priority"] == 10]
                self.assertEqual({(rule["iif"], rule["table"]) for rule in rules}, {(veth, "101"), ("vlan.eth.1", "101")})

    def test_a_second_interface_leads_to_the_same_pod_and_answers_for_itself(self):
        first, second = ("10.0.1.11", "fd00:10:0:1::11"), ("10.0.1.12", "fd00:10:0:1::12")
        addresses = ("--ip4", first[0], "--ip6", first[1], "--second", second[0], "--second", second[1])
        podnet("add", "node-a", "blog/two", *addresses)
        veths = ["eni" + sha1_of(name)[:11] for name in ("blog.two", "blog.two.1")]
        numbers = [ip(self.node, "link", "show", veth)[0]["link_netnsid"] for veth in veths]
        self.assertEqual(numbers[0], numbers[1])
        for device, veth, owned in (("eth0", veths[0], first), ("mNicIf1", veths[1], second)):
            for family, address, web in zip(("-4", "-6"), owned, ("10.0.1.10", "fd00:10:0:1::10")):
                with self.subTest(address):
                    self.assertEqual(ip(self.node, family, "route", "show", address)[0]["dev"], veth)
                    back = ip(f"{NET}-node-a-blog.two", "route", "get", web, "from", address)
                    self.assertEqual(back[0]["dev"], device)
                    self.assertTrue(reaches("blog/web", address))
                    self.assertTrue(reaches("node-a", address))

    def test_the_machines_own_namespace_stays_as_it_was(self):
        podnet("add", "node-a", "blog/db", "--ip4", "10.0.1.11", "--branch")
        podnet("resource", "aurora", "--ip4", "10.0.200.10")
        for family in ("-4", "-6"):
            said = json.dumps([ip(None, family, what, "show") for what in ("addr", "rule")])
            routes = json.dumps(ip(None, family, "route", "show", "table", "all"))
            for trace in ("10.0.1.1", "10.0.200.10", "fd00:10:", "512"):
                self.assertNotIn(f'"{trace}', said + routes)
        own = {link["ifname"] for link in ip(None, "link")}
        made = {link["ifname"] for name in left_of(NET) for link in ip(name, "link")} - {"lo", "eth0"}
        self.assertEqual(own & made, set())


class Reach(NetTest):
    """Before any policy, everybody reaches everybody."""

    def setUp(self):
        super().setUp()
        for number, node in ((1, "node-a"), (2, "node-b")):
            podnet("up", node, "--ip4", f"10.0.0.1{number}", "--ip6", f"fd00:10::1{number}")
            self.add(node, "x/one", f"{number}", 1)
            self.add(node, "x/two", f"{number}", 2)
            self.add(node, "x/branch", f"{number}", 3, "--branch")
        podnet("resource", "aurora", "--ip4", "10.0.200.10", "--ip6", "fd00:10:0:200::10")

    @staticmethod
    def add(node, pod, number, last, *options):
        addresses = ("--ip4", f"10.0.{number}.{last}", "--ip6", f"fd00:10:0:{number}::{last}")
        podnet("add", node, f"{pod}-{number}", *addresses, *options)

    def test_every_pod_node_and_resource_reaches_every_other_in_both_families(self):
        listed = listing()
        targets = [*listed["nodes"], *listed["resources"], *listed["pods"]]
        names = [item["name"] for item in targets if "namespace" not in item]
        names += [f"{pod['namespace']}/{pod['name']}" for pod in listed["pods"]]
        lost = [
            (name, address)
            for name in names
            for target in targets
            for address in target["addresses"]
            if not reaches(name, address)
        ]
        self.assertEqual(lost, [])

    def test_an_address_is_usable_the_moment_that_its_command_returns(self):
        for number in range(20, 25):
            self.add("node-a", "x/fresh", "1", number)
            self.assertTrue(reaches("x/one-2", f"fd00:10:0:1::{number}"))
            podnet("del", "node-a", "x/fresh-1")

    def test_an_address_moves_to_another_pod_on_another_node(self):
        podnet("del", "node-a", "x/one-1")
        self.assertFalse(reaches("x/two-1", "10.0.1.1"))
        podnet("add", "node-b", "y/heir", "--ip4", "10.0.1.1", "--ip6", "fd00:10:0:1::1")
        self.assertTrue(reaches("x/two-1", "10.0.1.1"))
        self.assertTrue(reaches("x/two-1", "fd00:10:0:1::1"))

    def test_nets_with_the_same_addresses_do_not_meet(self):
        self.addCleanup(podnet, "down", net=OTHER_NET)
        podnet("up", "node-a", "--ip4", "10.0.0.11", net=OTHER_NET)
        podnet("add", "node-a", "x/one-1", "--ip4", "10.0.1.1", net=OTHER_NET)
        self.assertFalse(reaches("x/one-1", "10.0.2.1", net=OTHER_NET))
        podnet("down", net=OTHER_NET)
        self.assertTrue(reaches("x/one-1", "10.0.2.1"))


class Life(NetTest):
    """Again, half-way, at the same time, and gone."""

    def setUp(self):
        super().setUp()
        podnet("up", "node-a", "--ip4", "10.0.0.11", "--ip6", "fd00:10::11")
        self.node = f"{NET}-node-node-a"

    def add_web(self, *options, ip4="10.0.1.10"):
        return podnet("add", "node-a", "blog/web", "--ip4", ip4, "--ip6", "fd00:10:0:1::10", *options)

    def snapshot(self):
        """What the node and the router hold, but for how often it was used."""
        said = []
        for netns in (self.node, f"{NET}-vpc"):
            for family in ("-4", "-6"):
                said.append(sorted(map(str, ip(netns, family, "rule", "show"))))
                said.append(sorted(map(str, ip(netns, family, "route", "show", "table", "all"))))
            said.append(sorted(link["ifname"] for link in ip(netns, "link")))
        return said

    def test_adding_again_changes_nothing(self):
        self.add_web()
        before = ip(self.node, "link", "show", "eni0eaba56ab69")[0]["ifindex"]
        self.add_web()
        podnet("up", "node-a", "--ip4", "10.0.0.11", "--ip6", "fd00:10::11")
        self.assertEqual(ip(self.node, "link", "show", "eni0eaba56ab69")[0]["ifindex"], before)

    def test_adding_differently_makes_the_pod_anew(self):
        self.add_web()
        self.add_web(ip4="10.0.1.99")
        self.assertEqual(ip(self.node, "route", "show", "10.0.1.10"), [])
        self.assertTrue(reaches("node-a", "10.0.1.99"))
        self.add_web("--branch")
        self.assertTrue(reaches("node-a", "10.0.1.10"))

    def test_a_removed_pod_leaves_nothing_behind(self):
        podnet("add", "node-a", "blog/first", "--ip4", "10.0.1.9", "--branch")  # moves the local rule for good
        before = self.snapshot()
        for options in ((), ("--branch",), ("--second", "10.0.1.12")):
            with self.subTest(options):
                self.add_web(*options)
                self.assertNotEqual(self.snapshot(), before)
                podnet("del", "node-a", "blog/web")
                self.assertEqual(self.snapshot(), before)
        podnet("del", "node-a", "blog/web")  # already gone

    def test_a_removed_pods_processes_end(self):
        self.add_web()
        with subprocess.Popen([PODNET, "--net", NET, "exec", "blog/web", "--", "sleep", "1000"]) as process:
            pod = os.stat(f"/run/netns/{NET}-node-a-blog.web").st_ino
            wait_until(lambda: os.stat(f"/proc/{process.pid}/ns/net").st_ino == pod, "entering the pod")
            podnet("del", "node-a", "blog/web")
            self.assertNotEqual(process.wait(timeout=DEADLINE), 0)

    def test_a_crash_in_the_middle_is_mended_by_the_same_command(self):
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "pods.json").write_text(json.dumps(many_pods(60)))
            process = subprocess.Popen([PODNET, "--net", NET, "apply", directory])
            # The namespaces of all pods come first: now most of the work is still to do.
            wait_until(lambda: f"{NET}-node-a-many.p59" in netns_names(), "making pods")
            process.kill()
            process.wait()
            podnet("apply", directory)
        self.assertEqual([pod["name"] for pod in listing()["pods"] if not pod["ready"]], [])
        self.assertTrue(reaches("many/p0", "10.0.3.60"))

    def test_many_at_a_time_wait_for_each_other(self):
        adds = [
            subprocess.Popen([PODNET, "--net", NET, "add", "node-a", f"x/p{n}", "--ip4", f"10.0.1.{n}"])
            for n in range(1, 9)
        ]
        self.assertEqual([process.wait(timeout=DEADLINE) for process in adds], [0] * 8)
        self.assertEqual(len(listing()["pods"]), 8)

    def test_down_removes_also_what_is_on_no_record(self):
        self.add_web()
        Path(f"/run/podnet/{NET}.json").unlink()
        podnet("down")
        self.assertEqual(left_of(NET), set())
        podnet("down")

    def test_down_leaves_other_nets_alone(self):
        self.addCleanup(podnet, "down", net=OTHER_NET)
        podnet("up", "node-a", "--ip4", "10.0.0.11", net=OTHER_NET)
        podnet("down")
        self.assertEqual(left_of(OTHER_NET), {f"{OTHER_NET}-vpc", f"{OTHER_NET}-node-node-a"})

    def test_what_cannot_be_is_refused_with_its_reason(self):
        self.add_web()
        for arguments, reason in (
            (("add", "node-a", "blog/api", "--ip4", "10.0.1.10"), "10.0.1.10 belongs to"),
            (("add", "node-z", "blog/api", "--ip4", "10.0.1.11"), "no node node-z"),
            (("add", "node-a", "blog/api"), "needs an address"),
            (("add", "node-a", "blog/api", "--ip4", "10.0.1.11", "--second", "10.0.1.10"), "10.0.1.10 belongs to"),
            (("add", "node-a", "blog/api", "--ip4", "10.0.1.11", "--branch", "--second", "10.0.1.12"), "only interface"),
            (("add", "node-a", "blog", "--ip4", "10.0.1.11"), "no NAMESPACE/POD"),
            (("del", "node-b", "blog/web"), "is on node node-a"),
            (("exec", "blog/api", "--", "true"), "has no blog/api"),
            (("apply", "/nowhere"), "/nowhere"),
        ):
            with self.subTest(arguments):
                done = podnet(*arguments, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn(reason, done.stderr)
                self.assertNotIn("Traceback", done.stderr)


class Examples(NetTest):
    """manifests/examples/demo, which everything else is shown on."""

    EXAMPLES = PODNET.parents[1] / "manifests" / "examples" / "demo"

    def test_the_example_cluster_stands(self):
        podnet("apply", str(self.EXAMPLES))
        listed = listing()
        pods = {f"{pod['namespace']}/{pod['name']}": pod for pod in listed["pods"]}
        self.assertEqual(pods["accounts-data/ledger"]["addresses"], ["10.0.1.21", "fd00:10:0:1::21"])
        self.assertNotIn("kube-system/kube-proxy-a", pods, "a pod on its host's network has none of its own")
        self.assertTrue(reaches("blog/web", "10.0.200.10"))
        self.assertTrue(reaches("redis-space/redis", "fd00:10:0:2::70"))
        self.assertTrue(reaches("ci/runner", "169.254.169.254"))

    def test_one_node_alone_has_only_its_own_pods(self):
        podnet("apply", str(self.EXAMPLES), "--node", "node-a")
        self.assertEqual({pod["node"] for pod in listing()["pods"]}, {"node-a"})
        self.assertEqual([node["name"] for node in listing()["nodes"]], ["node-a"])


def many_pods(count):
    node = {
        "kind": "Node",
        "metadata": {"name": "node-a"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": a} for a in ("10.0.0.11", "fd00:10:0:0::11")],
        },
    }
    pods = [
        {
            "kind": "Pod",
            "metadata": {"name": f"p{n}", "namespace": "many"},
            "spec": {"nodeName": "node-a"},
            "status": {"podIPs": [{"ip": f"10.0.3.{n + 1}"}]},
        }
        for n in range(count)
    ]
    return {"kind": "List", "items": [node, *pods]}


def sha1_of(text):
    return subprocess.run(["sha1sum"], input=text, text=True, capture_output=True, check=True).stdout


def names_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from names_of(item)
        else:
            yield item.id().removeprefix("__main__.")


if __name__ == "__main__":
    if sys.argv[1:] == ["--list"]:
        print("\n".join(names_of(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))))
        sys.exit(0)
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)
    unittest.main()
