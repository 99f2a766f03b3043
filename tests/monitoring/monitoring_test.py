# SPDX-License-Identifier: Apache-2.0
"""Rules, alerts and dashboards without a Prometheus: do they parse, fire, explain themselves, and name only metrics that
there are?

`--list` names the tests, one a line, for ctest; a name as the argument runs that one. Exits with 77 where promtool is
missing.
"""

import itertools
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

import dashboards

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "manifests" / "monitoring"
RULES = [MONITORING / "rules" / name for name in ("recording.yaml", "alerts.yaml")]
CASES = [Path(__file__).parent / name for name in ("alerts.yaml", "alerts_month.yaml")]
DENIALS = ("bulkhead_conversations", 'verdict="deny"', "verdict)", "bulkhead_denied")
METRIC = re.compile(r"\b(?:bulkhead|process)_\w+")


def promtool(*words):
    done = subprocess.run(["promtool", *map(str, words)], text=True, capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


def rules():
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def alerts():
    return [rule for rule in rules() if "alert" in rule]


def recorded():
    return {rule["record"] for rule in rules() if "record" in rule}


def documented():
    """Name -> type, of docs/metrics.md's tables."""
    row = re.compile(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", re.MULTILINE)
    return dict(row.findall((ROOT / "docs" / "metrics.md").read_text()))


def unknown_in(expression):
    """Names of metrics in it that nobody exports or records."""
    known = documented()
    for name in recorded():
        expression = re.sub(re.escape(name) + r"\b", "up", expression)
    names = set(METRIC.findall(expression))
    return {name for name in names if name not in known and known.get(name.removesuffix("_bucket")) != "histogram"}


def sections_of(path):
    """Title -> text."""
    parts = re.split(r"^## (.+)$", path.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def overlap(one, other):
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def fired_alerts():
    """(name, its labels, its annotations as text) of all that fire in the cases: promtool tells them where none is expected."""
    for path in CASES:
        cases = yaml.load(path.read_text(), yaml.BaseLoader)  # 0x10 is ten steps at 0, not sixteen
        cases["rule_files"] = [str(path.parent / file) for file in cases["rule_files"]]
        for case in cases["tests"]:
            questions = case.pop("promql_expr_test", [])
            case["alert_rule_test"] = [
                {"alertname": name[1], "eval_time": question["eval_time"], "exp_alerts": []}
                for question in questions
                if question["exp_samples"] and (name := re.search(r'alertname="(\w+)"', question["expr"]))
            ]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(cases, file)
            file.flush()
            _, said = promtool("test", "rules", file.name)
        for labels, notes in re.findall(r"Labels:\{(.*)\}\n\s+Annotations:\{(.*)\}", said):
            told = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            yield told["alertname"], {name for name, value in told.items() if value}, notes


class Rules(unittest.TestCase):
    def test_rules_are_rules(self):
        status, said = promtool("check", "rules", *RULES)
        self.assertEqual(status, 0, said)

    def test_each_alert_fires_where_it_should_and_not_where_it_nearly_should(self):
        for path in CASES:
            status, said = promtool("test", "rules", path)
            self.assertEqual(status, 0, said)

    def test_each_alert_has_a_case_with_both(self):
        for alert in alerts():
            name = alert["alert"]
            firing, silent = False, False
            for case in itertools.chain.from_iterable(yaml.safe_load(path.read_text())["tests"] for path in CASES):
                for question in case.get("promql_expr_test", []):
                    if f'alertname="{name}"' in question["expr"]:
                        firing |= bool(question["exp_samples"])
                        silent |= not question["exp_samples"]
            self.assertTrue(firing, f"{name} never fires")
            self.assertTrue(silent, f"{name} is never silent")

    def test_each_alert_says_what_who_reads_it_needs(self):
        sections = sections_of(ROOT / "docs" / "runbook.md")
        for alert in alerts():
            name, notes = alert["alert"], alert["annotations"]
            with self.subTest(name):
                self.assertIn(alert["labels"]["severity"], ("critical", "warning", "info"))
                self.assertEqual(set(notes), {"summary", "description", "runbook_url"})
                self.assertEqual(notes["runbook_url"], f"docs/runbook.md#{name.lower()}")
                section = sections[name]
                for part in ("**Means.**", "**Look at.**", "**Do.**"):
                    self.assertIn(part, section)
                self.assertRegex(section.split("**Look at.**")[1], r"bulkheadctl|kubectl|dashboard")
        names = {alert["alert"] for alert in alerts()}
        self.assertEqual(set(sections) - names, set(), "sections of alerts that there aren't")

    def test_what_people_read_of_an_alert_is_whole(self):
        texts = {alert["alert"]: str(alert["annotations"]) for alert in alerts()}
        fired = set()
        for name, labels, notes in fired_alerts():
            fired.add(name)
            with self.subTest(name):
                # A label that may be empty stands behind `with`.
                self.assertLessEqual(set(re.findall(r"(?<!with )\$labels\.(\w+)", texts[name])), labels)
                self.assertNotRegex(notes, r"<no value>|error|\{\{|%!|NaN|Inf")
        self.assertEqual(fired, set(texts))

    def test_rules_name_only_metrics_that_there_are(self):
        for rule in rules():
            with self.subTest(rule.get("alert") or rule.get("record")):
                self.assertEqual(unknown_in(rule["expr"]), set())

    def test_the_operator_gets_the_same_rules(self):
        made = subprocess.run([ROOT / "tools" / "prometheusrule", "--check"], check=False)
        self.assertEqual(made.returncode, 0, "run tools/prometheusrule")
        groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
        self.assertEqual(yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())["spec"]["groups"], groups)


class Dashboards(unittest.TestCase):
    def test_each_panel_explains_itself(self):
        for name in dashboards.NAMES:
            board = dashboards.load(name)
            for panel in dashboards.panels(board):
                with self.subTest(name, panel=panel["title"]):
                    self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                    self.assertGreater(len(panel["description"]), 20)
                    self.assertTrue(panel["targets"])
                    for target in panel["targets"]:
                        self.assertEqual(target["datasource"]["uid"], "${datasource}")
                        self.assertTrue(target["legendFormat"] or panel["type"] == "table")

    def test_what_is_denied_leads_to_the_flows(self):
        for name in dashboards.NAMES:
            for panel in dashboards.panels(dashboards.load(name)):
                if any(sign in target["expr"] for target in panel["targets"] for sign in DENIALS):
                    self.assertIn("`bulkheadctl flows ", panel["description"], f"{name}: {panel['title']}")

    def test_panels_have_places_and_numbers_of_their_own(self):
        for name in dashboards.NAMES:
            board = dashboards.load(name)
            numbers = [panel["id"] for panel in board["panels"]]
            self.assertEqual(len(numbers), len(set(numbers)), name)
            for one, other in itertools.combinations(board["panels"], 2):
                places = one["gridPos"], other["gridPos"]
                self.assertFalse(overlap(*places), f"{name}: {one['title']} and {other['title']}")
                self.assertLessEqual(one["gridPos"]["x"] + one["gridPos"]["w"], 24)

    def test_each_is_of_a_cluster_a_node_or_a_tenant(self):
        for name, wanted in (("cluster", "tenant"), ("node", "node"), ("tenant", "tenant")):
            board = dashboards.load(name)
            variables = {variable["name"] for variable in board["templating"]["list"]}
            self.assertLessEqual({"datasource", "cluster", wanted}, variables)
            self.assertEqual(board["uid"], f"bulkhead-{name}")
            for panel in dashboards.panels(board):
                for target in panel["targets"]:
                    self.assertIn('cluster=~"$cluster"', target["expr"], f"{name}: {panel['title']}")
                    used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__range", "__rate_interval"}
                    self.assertLessEqual(used, variables)

    def test_counters_are_asked_how_they_grow(self):
        """As Grafana's own linter of dashboards wants it, and its $__rate_interval, which follows the zoom. In the place of a
        counter's first value stands the counter: it began at 0."""
        whole = {"bulkhead_program_replacements_total"}  # counts once, at the agent's start
        first = re.compile(r"\((\w+\{[^}]*\}) unless \1 offset \$__range\) or increase\(\1\[\$__range\]\)")
        for name in dashboards.NAMES:
            for panel in dashboards.panels(dashboards.load(name)):
                for target in panel["targets"]:
                    left = first.sub("", target["expr"])
                    for asked in re.finditer(r"(?:\b(\w+)\()?\b(\w+_(?:total|bucket|sum|count))\b(?:\{[^}]*\})?(\[[^\]]*\])?", left):
                        function, counter, window = asked.groups()
                        if counter in whole:
                            continue
                        with self.subTest(name, panel=panel["title"], counter=counter):
                            self.assertIn(function, ("rate", "increase"))
                            self.assertEqual(window, "[$__rate_interval]")

    def test_variables_follow_the_time_and_the_data_source(self):
        for name in dashboards.NAMES:
            source, *others = dashboards.load(name)["templating"]["list"]
            self.assertEqual((source["name"], source["label"], source["query"]), ("datasource", "Data source", "prometheus"))
            for variable in others:
                with self.subTest(name, variable=variable["name"]):
                    self.assertEqual(variable["datasource"]["uid"], "${datasource}")
                    self.assertEqual(variable["refresh"], 2)  # with the time range: tenants come and go
                    self.assertTrue(variable["label"])
                    if variable.get("multi"):
                        self.assertEqual(variable["allValue"], ".*")  # also those without the label
                    metric, label = re.fullmatch(r"label_values\((\w+)(?:\{[^}]*\})?, (\w+)\)", variable["query"]).groups()
                    self.assertIn(metric, documented())
                    self.assertEqual(label, variable["name"])

    def test_links_lead_to_dashboards_and_variables_that_there_are(self):
        variables = {
            board["uid"]: {variable["name"] for variable in board["templating"]["list"]}
            for board in map(dashboards.load, dashboards.NAMES)
        }
        found = 0
        for name in dashboards.NAMES:
            for uid, query in re.findall(r'"/d/([\w-]+)\?([^"]*)"', (dashboards.FOLDER / f"{name}.json").read_text()):
                found += 1
                given = set(re.findall(r"var-(\w+)=", query)) | set(re.findall(r"\$\{(\w+):queryparam\}", query))
                self.assertLessEqual(given, variables[uid], f"{name}: {uid}")
        self.assertGreater(found, 4)

    def test_queries_name_only_metrics_that_there_are(self):
        for name, title, query in dashboards.queries():
            self.assertEqual(unknown_in(query), set(), f"{name}: {title}")

    def test_queries_parse(self):
        found = [{"record": f"query:n{n}", "expr": query} for n, (_, _, query) in enumerate(dashboards.queries())]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump({"groups": [{"name": "queries", "rules": found}]}, file)
            file.flush()
            status, said = promtool("check", "rules", file.name)
        self.assertEqual(status, 0, said)

    def test_what_the_controller_counts_is_documented(self):
        """The agent's metrics are compared by a unit test, which can make each."""
        for folder, names in (("controller", r"bulkhead_controller_\w+"), ("resolve", r"bulkhead_(?:aws|lookups|resource)_\w+")):
            source = "".join(path.read_text() for path in sorted((ROOT / "agent" / folder).glob("*.cpp")))
            made = {name: kind for kind, name in re.findall(rf'\b(gauge|counter)(?:_of_seconds)?\(\s*"({names})"', source)}
            self.assertGreater(len(made), 5)
            told = {name: kind for name, kind in documented().items() if re.fullmatch(names, name)}
            self.assertEqual(told, made)

    def test_links_of_the_docs_lead_somewhere(self):
        for path in (ROOT / "docs" / "runbook.md", ROOT / "docs" / "metrics.md", MONITORING / "README.md"):
            for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
                self.assertTrue((path.parent / target).exists(), f"{path.name}: {target}")


NAME = "app.kubernetes.io/name"


def pods():
    """Name -> pod template, of those that are scraped."""
    paths = [ROOT / "manifests" / "base" / f"{name}.yaml" for name in ("daemonset", "controller")]
    templates = [yaml.safe_load(path.read_text())["spec"]["template"] for path in paths]
    return {template["metadata"]["labels"][NAME]: template for template in templates}


def port_of(template):
    return template["spec"]["containers"][0]["ports"][0]


def rendered(*components):
    """The objects of the base with these components; nothing where no kubectl knows components."""
    overlays = ROOT / "manifests" / "overlays"
    with tempfile.TemporaryDirectory(dir=overlays, prefix="test-") as directory:
        told = {"resources": ["../../base"], "components": [f"../../{component}" for component in components]}
        (Path(directory) / "kustomization.yaml").write_text(yaml.safe_dump(told))
        try:
            done = subprocess.run(["kubectl", "kustomize", directory], text=True, capture_output=True, check=False)
        except FileNotFoundError:
            return []
    if 'unknown field "components"' in done.stderr:
        return []
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return list(yaml.safe_load_all(done.stdout))


class Objects(unittest.TestCase):
    def test_what_is_scraped_is_what_the_pods_offer(self):
        ports = {name: port_of(template)["name"] for name, template in pods().items()}
        for file, endpoints in (("podmonitor", "podMetricsEndpoints"), ("servicemonitor/servicemonitor", "endpoints")):
            seen = {}
            for monitor in yaml.safe_load_all((MONITORING / f"{file}.yaml").read_text()):
                endpoint = monitor["spec"][endpoints][0]
                seen[monitor["spec"]["selector"]["matchLabels"][NAME]] = endpoint["port"]
                self.assertEqual(monitor["spec"]["jobLabel"], NAME)
                self.assertEqual([label["targetLabel"] for label in endpoint["relabelings"]], ["node"])
            self.assertEqual(seen, ports, file)
        jobs = yaml.safe_load((MONITORING / "scrape.yaml").read_text())["scrape_configs"]
        self.assertEqual({job["job_name"] for job in jobs}, set(ports))

    def test_services_lead_to_every_pod_that_has_metrics_and_to_no_one_twice(self):
        services = list(yaml.safe_load_all((MONITORING / "servicemonitor" / "services.yaml").read_text()))
        self.assertEqual({service["metadata"]["labels"][NAME] for service in services}, set(pods()))
        for service in services:
            template = pods()[service["metadata"]["labels"][NAME]]
            spec = service["spec"]
            self.assertEqual(spec["clusterIP"], "None")
            self.assertTrue(spec["publishNotReadyAddresses"])
            self.assertLessEqual(spec["selector"].items(), template["metadata"]["labels"].items())
            (port,) = spec["ports"]
            self.assertEqual((port["targetPort"], port["port"]), (port_of(template)["name"], port_of(template)["containerPort"]))
            self.assertNotIn("annotations", service["metadata"])

    def test_the_pods_say_where_to_scrape(self):
        for template in pods().values():
            said = {key: value for key, value in template["metadata"]["annotations"].items() if key.startswith("prometheus.io/")}
            port = str(port_of(template)["containerPort"])
            self.assertEqual(said, {"prometheus.io/scrape": "true", "prometheus.io/port": port, "prometheus.io/path": "/metrics"})

    def test_a_cluster_has_monitors_of_one_kind(self):
        for components, kind in ((["monitoring"], "PodMonitor"), (["monitoring", "monitoring/servicemonitor"], "ServiceMonitor")):
            objects = rendered(*components)
            if not objects:
                self.skipTest("needs a kubectl that knows components")
            monitors = [thing for thing in objects if thing["kind"].endswith("Monitor")]
            self.assertEqual({thing["kind"] for thing in monitors}, {kind})
            self.assertEqual({thing["metadata"]["name"] for thing in monitors}, set(pods()))
            self.assertEqual({thing["metadata"]["namespace"] for thing in monitors}, {"bulkhead-system"})
            self.assertEqual(len([thing for thing in objects if thing["kind"] == "PrometheusRule"]), 1)

    def test_prometheus_takes_the_scrape_configuration(self):
        """But for the part of Kubernetes, which not every build of Prometheus has."""
        configuration = yaml.safe_load((MONITORING / "scrape.yaml").read_text())
        for job in configuration["scrape_configs"]:
            self.assertEqual(job.pop("kubernetes_sd_configs")[0]["role"], "pod")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(configuration, file)
            file.flush()
            status, said = promtool("check", "config", "--syntax-only", file.name)
        self.assertEqual(status, 0, said)

    def test_the_component_has_all_that_there_is(self):
        component = yaml.safe_load((MONITORING / "kustomization.yaml").read_text())
        files = {file.split("=")[1] for file in component["configMapGenerator"][0]["files"]}
        self.assertEqual(files, {f"grafana/{path.name}" for path in dashboards.FOLDER.glob("*.json")})
        self.assertEqual(set(component["resources"]), {"podmonitor.yaml", "prometheusrule.yaml"})


def main():
    suites = (Rules, Dashboards, Objects)
    if sys.argv[1:] == ["--list"]:
        for suite in suites:
            for name in unittest.defaultTestLoader.getTestCaseNames(suite):
                print(f"{suite.__name__}.{name}")
        return 0
    if shutil.which("promtool") is None:
        print("needs promtool")
        return 77
    return not unittest.main(exit=False).result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
