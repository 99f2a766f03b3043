# SPDX-License-Identifier: Apache-2.0
"""What a real Prometheus reads of a running agent with real traffic is what happened, and every panel of every dashboard
shows something.

prometheus_test.py BUILD --list names the tests, one a line, for ctest; a name instead runs that one. Exits with 77
where it can't run.
"""

import json
import os
import re
import subprocess
import sys
import time
import unittest

from scraped_node import AGENT_PORT, NODE, NODE_ADDRESS, ROOT, ScrapedNode, http, missing, run_time_statistics, wait_until

sys.path.append(str(ROOT / "tests" / "monitoring"))
import dashboards  # noqa: E402

BUILD = sys.argv.pop(1)
LOOPBACK = f"127.0.0.1:{AGENT_PORT}"
PORT, OPEN_PORT = 8080, 8443

# Panels, or single lines of them, that show nothing here, and why.
EMPTY = {
    ("cluster", "Nodes without an agent", None): "there is no controller",
    ("cluster", "Look-ups that fail", None): "nobody looks up",
    ("cluster", "Failing since", None): "nobody looks up",
    ("cluster", "Unresolved AWSResources", None): "nobody looks up",
    ("cluster", "Calls of AWS", None): "nobody looks up",
    ("cluster", "Calls that came to nothing", None): "nobody looks up",
    ("cluster", "Keys expire in", None): "nobody looks up",
    ("node", "Writes and failures", "rows refused: {{map}}"): "the kernel refuses none",
}

CONFIGURATION = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}/*.yaml]
scrape_configs:
  - job_name: bulkhead-agent
    static_configs: [{{targets: ['{target}'], labels: {{node: {node}}}}}]
"""


def quick_rules(directory):
    """The rules, evaluated every second."""
    directory.mkdir()
    for path in (ROOT / "manifests" / "monitoring" / "rules").glob("*.yaml"):
        (directory / path.name).write_text(path.read_text().replace("interval: 30s", "interval: 1s"))
    return directory


def documented():
    text = (ROOT / "docs" / "metrics.md").read_text()
    return dict(re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", text, re.MULTILINE))


def _explains(key, query):
    """Is the query of that panel, and of that line if one is named?"""
    return key[:2] == query[:2] and key[2] in (None, query[2])


class Prometheus(unittest.TestCase):
    def setUp(self):
        self.node = ScrapedNode(BUILD)
        self.addCleanup(self.node.close)
        node = self.node
        node.namespace("shop", tenant="shop", level="protected")
        node.namespace("books", tenant="books", level="protected", mode="audit")
        node.namespace("blog", tenant="blog")
        node.resource("orders", "10.0.200.10", tenant="shop", granted="blog")
        node.pod("shop/till", 20, f"bulkhead.dev/expose: '{OPEN_PORT}/UDP'")
        node.pod("books/shelf", 21)
        node.pod("blog/stranger", 22)
        for name in ("shop/till", "books/shelf", "blog/stranger", "orders"):
            self.addCleanup(node.listen(name, PORT).close)
        self.addCleanup(node.listen("shop/till", OPEN_PORT).close)

    def scrape(self, address=LOOPBACK):
        status, text = http(self.node.netns, address, "/metrics")
        self.assertEqual(status, 200, text)
        return text

    def samples(self, name):
        """Labels as they stand in the text -> value."""
        found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", self.scrape(), re.MULTILINE)
        return {labels: float(value) for labels, value in found}

    def value_of(self, expression):
        found = self.node.query(expression)
        self.assertEqual(len(found), 1, f"{expression}: {found}")
        return found[0][1]

    def check_metrics_are_well_formed(self):
        text = self.scrape()
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        told = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
        known = documented()
        self.assertEqual({name: kind for name, kind in told.items() if known.get(name) != kind}, {})

    def send_everything(self):
        """The traffic generator; what it sent is in check_counts()."""
        node = self.node
        node.send("blog/stranger", "shop/till", PORT, 20)
        node.send("blog/stranger", "shop/till", PORT, 1, times=5)
        node.send("blog/stranger", "books/shelf", PORT, 7)
        node.send("shop/till", "books/shelf", PORT, 3)
        node.send("shop/till", "blog/stranger", PORT, 11)
        node.send("blog/stranger", "shop/till", OPEN_PORT, 4)
        node.send("blog/stranger", "orders", PORT, 6)
        node.send("shop/till", "orders", PORT, 2)
        node.send("books/shelf", "orders", PORT, 5)

    def check_counts(self):
        conversations = {
            ("blog", "shop", None, "deny", "not-granted"): 21,
            ("blog", "books", None, "audit", "audit"): 7,
            ("shop", "books", None, "audit", "audit"): 3,
            ("books", "shop", "orders", "deny", "not-granted"): 5,
        }
        admitted = {
            ("blog", "shop", None, None, "exposed"): 4,
            ("blog", "shop", "orders", None, "granted"): 6,
            ("shop", "shop", "orders", None, "same-tenant"): 2,
        }
        labels = ("source_tenant", "destination_tenant", "destination_resource", "verdict", "reason")
        for name, expected in (("conversations", conversations), ("admitted_conversations", admitted)):
            found = self.node.query(f"bulkhead_{name}_total")
            self.assertEqual({tuple(map(sample.get, labels)): value for sample, value in found}, expected, name)
        bytes_each = 14 + 20 + 8 + 100
        for expression, expected in (
            ('bulkhead_packets_total{direction="ingress", verdict="deny", reason="not-granted"}', 25),
            ('bulkhead_bytes_total{direction="ingress", verdict="deny", reason="not-granted"}', 25 * bytes_each),
            ('bulkhead_packets_total{direction="ingress", verdict="audit", reason="audit"}', 10),
            ('bulkhead_packets_total{direction="ingress", verdict="allow", reason="open"}', 11),
            ('bulkhead_tenant_packets_total{tenant="shop", direction="ingress", verdict="deny"}', 25),
            ('bulkhead_tenant_packets_total{tenant="books", direction="ingress", verdict="audit"}', 10),
            ('bulkhead_tenant_bytes_total{tenant="shop", direction="ingress", verdict="deny"}', 25 * bytes_each),
            ('bulkhead_bytes_total{direction="egress", verdict="allow", reason="granted"}', 6 * bytes_each),
            ('bulkhead_packets_total{direction="egress", verdict="deny", reason="not-granted"}', 5),
            ('bulkhead_pod_packets_total{pod_namespace="shop", pod_name="till", direction="ingress", verdict="deny"}', 25),
            ('bulkhead_pod_bytes_total{pod_namespace="blog", pod_name="stranger", direction="ingress"}', 11 * bytes_each),
            ('bulkhead_events_total{result="lost"}', 0),
            ('bulkhead_tenant_pods{tenant="books", level="protected", mode="audit"}', 1),
            ('bulkhead_tenant_pods{tenant="blog", level="non-protected", mode="enforce"}', 2),
            ('bulkhead_interfaces{state="guarded"}', 4),
        ):
            self.assertEqual(self.value_of(expression), expected, expression)
        self.assertGreaterEqual(self.value_of("bulkhead_veth_guard_delay_seconds_count"), 1)
        self.assertGreaterEqual(self.value_of("bulkhead_policy_implementation_delay_seconds_count"), 1)
        self.assertGreater(self.value_of('bulkhead_program_runs_total{program="to_pod"}'), 40)
        self.assertLess(self.value_of('bulkhead_program_run_seconds_total{program="to_pod"}'), 1)
        self.assertGreater(self.value_of("process_resident_memory_bytes"), 1e6)

    def empty_queries(self):
        """(dashboard, panel, legend, query) of those that return nothing."""
        values = dict(dashboards.EVERYTHING, __rate_interval="1m", __range="5m")
        for name in dashboards.NAMES:
            # One that is chosen where only one can be.
            chosen = dict(values, node=NODE if name == "node" else ".*", tenant="shop" if name == "tenant" else ".*")
            for panel in dashboards.panels(dashboards.load(name)):
                for target in panel["targets"]:
                    query = dashboards.asked(target["expr"], chosen)
                    if not self.node.query(query):
                        yield name, panel["title"], target["legendFormat"], query

    def check_panels(self):
        """Rules need a moment longer than what they are made of."""

        def unexpected():
            return [query for query in self.empty_queries() if not any(_explains(key, query) for key in EMPTY)]

        deadline = time.monotonic() + 30
        while (left := unexpected()) and time.monotonic() < deadline:
            time.sleep(1)
        self.assertEqual(left, [])
        empty = list(self.empty_queries())
        for key in EMPTY:
            self.assertTrue(any(_explains(key, query) for query in empty), f"{key} does show something")

    def denied_flows(self):
        words = ("--verdict", "denied", "--from-tenant", "blog", "--to-tenant", "shop", "--all", "-o", "json")
        return [json.loads(line) for line in self.node.ctl("flows", *words).splitlines()]

    def can_explain(self):
        """Who asks first waits for a program to be loaded, and on a busy machine not long enough."""
        try:
            return bool(self.node.ctl("explain", "blog/stranger", f"shop/till:{PORT}"))
        except AssertionError:
            return False

    def check_commands(self):
        """Those to which panels and the runbook lead are understood, and show what the panels count."""
        texts = [panel["description"] for name in dashboards.NAMES for panel in dashboards.panels(dashboards.load(name))]
        texts.append((ROOT / "docs" / "runbook.md").read_text())
        lines = {" ".join(line.split()) for text in texts for line in re.findall(r"`bulkheadctl ([^`]*)`", text)}
        self.assertGreater(len(lines), 25)
        places = {"$tenant": "shop", "TENANT": "shop", "COLUMN": "shop", "TO": "shop", "ROW": "blog", "FROM": "blog",
                  "REASON": "not-granted", "RESOURCE": "orders", "SRC": "blog/stranger", "DST:PORT": f"shop/till:{PORT}", "DST:PORT/UDP": f"shop/till:{PORT}/UDP",
                  "DIR": str(self.node.manifests)}  # fmt: skip
        wait_until(self.can_explain, "that the agent explains")
        for line in sorted(lines):
            self.node.ctl(*(places.get(word, word) for word in line.split()))
        self.assertEqual(len({flow["source"]["port"] for flow in self.denied_flows()}), 21)

    def check_rules(self):
        groups = self.node.ask_prometheus("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertGreater(len(rules), 20)
        self.assertEqual([rule["name"] for rule in rules if rule["health"] != "ok"], [])
        self.assertEqual(self.node.query('ALERTS{alertname="BulkheadOverride", tenant="shop", alertstate="firing"}')[0][1], 1)
        self.assertEqual(self.node.query('ALERTS{alertname=~"Bulkhead(AgentDown|PodUnguarded|WriteFailures)"}'), [])

    def test_a_real_one_reads_what_happened_and_every_panel_shows_it(self):
        statistics = run_time_statistics()
        self.addCleanup(os.close, statistics)
        node = self.node
        node.start_agent(LOOPBACK, "--metrics-pods", "--flow-repeat", "1")
        rules = quick_rules(node.directory / "rules")
        node.start_prometheus(CONFIGURATION.format(rules=rules, target=LOOPBACK, node=NODE))
        node.pod("blog/late", 30)
        wait_until(lambda: self.samples("bulkhead_interfaces")['state="guarded"'] == 4, "that the new pod is guarded")
        self.send_everything()
        node.ctl("override", "--tenant", "shop", "--for", "1h", "--reason", "a test")
        recorded = "cluster_tenants_verdict_reason:bulkhead_conversations:increase5m"
        wait_until(lambda: len(node.query(recorded)) == 4, "that the rules have counted")
        # Also those that are told a second time, of a conversation that counts once.
        wait_until(lambda: sum(flow["packets"] for flow in self.denied_flows()) == 25, "that all packets are told")
        self.assertGreater(len(self.denied_flows()), 21)
        wait_until(lambda: node.query('rate(bulkhead_packets_total{verdict="deny"}[1m])'), "that there are rates")
        wait_until(lambda: node.query("ALERTS"), "that an alert fires")
        self.check_metrics_are_well_formed()
        self.check_counts()
        self.check_panels()
        self.check_rules()
        self.check_commands()  # which end the override

    def test_it_listens_where_it_is_told_and_counts_what_it_replaced(self):
        node = self.node
        agent = node.start_agent(LOOPBACK)
        pod = node.netns_of("blog/stranger")
        self.assertEqual(http(pod, f"{NODE_ADDRESS}:{AGENT_PORT}", "/metrics")[0], 0)
        self.assertEqual(sum(self.samples("bulkhead_program_replacements_total").values()), 0)
        self.assertEqual(self.samples("bulkhead_pod_packets_total"), {})
        interfaces = 3 + sum(self.samples("bulkhead_uplinks").values())
        node.stop(agent)

        address = f"{NODE_ADDRESS}:{AGENT_PORT}"
        node.start_agent(address)
        self.assertEqual(http(pod, address, "/metrics")[0], 200)
        self.assertEqual(http(node.netns, LOOPBACK, "/metrics")[0], 0)
        told = re.search(r"^bulkhead_program_replacements_total (\d+)$", self.scrape(address), re.MULTILINE)
        self.assertEqual(int(told[1]), interfaces)

    def test_a_pods_series_go_a_minute_after_it(self):
        node = self.node
        node.start_agent(LOOPBACK, "--metrics-pods")
        node.send("shop/till", "blog/stranger", PORT, 4)
        labels = 'pod_namespace="blog",pod_name="stranger",tenant="blog",direction="ingress",verdict="allow"'
        self.assertEqual(self.samples("bulkhead_pod_packets_total")[labels], 4)
        node.remove("blog/stranger")
        wait_until(lambda: self.samples("bulkhead_interfaces")['state="guarded"'] == 2, "that the pod is gone")
        self.assertEqual(self.samples("bulkhead_pod_packets_total")[labels], 4)
        wait_until(lambda: labels not in self.samples("bulkhead_pod_packets_total"), "that its series are gone")
        self.assertEqual([tenant for tenant in self.samples("bulkhead_tenant_packets_total") if 'tenant="blog"' in tenant], [])
        total = self.samples("bulkhead_packets_total")
        self.assertEqual(total['direction="ingress",verdict="allow",reason="open"'], 4)


def main():
    if sys.argv[1:] == ["--list"]:
        for name in unittest.defaultTestLoader.getTestCaseNames(Prometheus):
            print(f"Prometheus.{name}")
        return 0
    if reason := missing():
        print(reason)
        return 77
    return not unittest.main(exit=False).result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
