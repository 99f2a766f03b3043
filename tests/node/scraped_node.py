# SPDX-License-Identifier: Apache-2.0
"""A node of podnet's with an agent on it, and a Prometheus that scrapes it: both real, both in the node's network
namespace, so that nothing outside hears of them. Everything has names of this process' own, and goes with close().
"""

import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[2]
PODNET = ROOT / "tools" / "podnet"
NODE = "node-a"
NODE_ADDRESS = "10.0.0.11"
AGENT_PORT, PROMETHEUS_PORT = 9810, 9090
LIMIT = 120.0  # seconds; generous, nothing takes that long unless it is broken
_LIBC = ctypes.CDLL(None, use_errno=True)
_BPF_SYSCALL, _BPF_ENABLE_STATS = 321, 32  # x86-64's number; see bpf(2)


def wait_until(condition, what, limit=LIMIT):
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} didn't happen in {limit} s")
        time.sleep(0.1)


def inside(netns, work):
    """What `work` returns, run on a thread that is in the namespace."""
    result = []

    def run():
        with open(f"/run/netns/{netns}", encoding="ascii") as file:
            if _LIBC.setns(file.fileno(), 0x40000000) != 0:  # CLONE_NEWNET
                raise OSError(ctypes.get_errno(), f"enter {netns}")
        result.append(work())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if not result:
        raise AssertionError(f"what should run in {netns} failed; see above")
    return result[0]


def run_time_statistics():
    """The kernel counts programs' run time until the descriptor is closed."""
    attributes = (ctypes.c_uint32 * 32)()
    fd = _LIBC.syscall(_BPF_SYSCALL, _BPF_ENABLE_STATS, attributes, 4)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "BPF_ENABLE_STATS")
    return fd


def http(netns, address, path):
    """Status and body; status 0 where nobody listens."""

    def ask():
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    return inside(netns, ask)


class ScrapedNode:
    def __init__(self, build):
        self.build = Path(build).resolve()
        self.net = f"mt{os.getpid()}"
        self.directory = Path(f"/run/bulkhead-{self.net}")
        self.manifests = self.directory / "manifests"
        self.netns = f"{self.net}-node-{NODE}"
        self.processes = []
        self.addresses = {}
        self.manifests.mkdir(parents=True)
        self.podnet("up", NODE, "--ip4", NODE_ADDRESS, "--ip6", "fd00:10::11")
        addresses = f"[{{type: InternalIP, address: {NODE_ADDRESS}}}, {{type: InternalIP, address: 'fd00:10::11'}}]"
        self.tell("node", f"apiVersion: v1\nkind: Node\nmetadata: {{name: {NODE}}}\nstatus: {{addresses: {addresses}}}\n")

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.podnet("down")
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            if line.split()[4].startswith(f"{self.directory}/"):
                subprocess.run(["umount", "--lazy", line.split()[4]], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def podnet(self, *words):
        done = subprocess.run([PODNET, "--net", self.net, *words], text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"podnet {' '.join(words)}: {done.stderr}")

    def tell(self, name, text):
        draft = self.manifests / f".{name}.new"
        draft.write_text(text)
        os.replace(draft, self.manifests / f"{name}.yaml")

    def namespace(self, name, **labels):
        told = ", ".join(f"bulkhead.dev/{key}: {value}" for key, value in labels.items())
        self.tell(name, f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{told}}}}}\n")

    def pod(self, pod, number, annotations=""):
        """Wired, and told of; its network namespace."""
        namespace, name = pod.split("/")
        address = f"10.0.1.{number}"
        self.podnet("add", NODE, pod, "--ip4", address)
        self.tell(
            f"{namespace}-{name}",
            f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, annotations: {{{annotations}}}}}\n"
            f"spec: {{nodeName: {NODE}}}\nstatus: {{phase: Running, podIP: {address}, podIPs: [{{ip: {address}}}]}}\n",
        )
        self.addresses[pod] = address
        return self.netns_of(pod)

    def resource(self, name, address, tenant, granted):
        """An AWS resource of `tenant` that lets in the tenant `granted`."""
        self.podnet("resource", name, "--ip4", address)
        self.tell(
            f"resource-{name}",
            f"apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {{name: {name}}}\n"
            f"spec: {{tenant: {tenant}, addresses: {{cidrs: [{address}/32]}}, allowFrom: [{{from: [{{tenant: {granted}}}]}}]}}\n",
        )
        self.addresses[name] = address

    def netns_of(self, name):
        """Of a pod, or of a resource."""
        if "/" not in name:
            return f"{self.net}-resource-{name}"
        return f"{self.net}-{NODE}-{name.replace('/', '.')}"

    def remove(self, pod):
        self.podnet("del", NODE, pod)
        (self.manifests / f"{pod.replace('/', '-')}.yaml").unlink()

    def start(self, name, words):
        with open(self.directory / f"{name}.log", "a", encoding="utf-8") as log:
            process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.netns}", *map(str, words)], stdout=log, stderr=subprocess.STDOUT
            )
        self.processes.append(process)
        return process

    def log_of(self, name):
        return (self.directory / f"{name}.log").read_text()

    def start_agent(self, address, *options):
        """Ready."""
        agent = self.start(
            "agent",
            [
                *(self.build / "bulkhead-agent", "--source", f"dir:{self.manifests}", "--node-name", NODE),
                *("--pin-dir", self.directory / "pins", "--socket", self.directory / "agent.sock"),
                *("--metrics-address", address, *options),
            ],
        )

        def is_ready():
            if agent.poll() is not None:
                raise AssertionError(f"the agent ended: {self.log_of('agent')}")
            return http(self.netns, address if not address.startswith(":") else f"127.0.0.1{address}", "/readyz")[0] == 200

        wait_until(is_ready, "that the agent is ready")
        return agent

    def stop(self, process):
        process.terminate()
        process.wait(60)
        self.processes.remove(process)

    def ctl(self, *words):
        """What it says; its end is good."""
        socket_words = [self.build / "bulkheadctl", "--socket", self.directory / "agent.sock"]
        done = subprocess.run([*socket_words, *words], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"bulkheadctl {' '.join(words)}: {done.returncode} {done.stderr}")
        return done.stdout

    def start_prometheus(self, configuration):
        file = self.directory / "prometheus.yml"
        file.write_text(configuration)
        where = f"127.0.0.1:{PROMETHEUS_PORT}"
        data = self.directory / "prometheus"
        self.start(
            "prometheus",
            [
                *("prometheus", f"--config.file={file}", f"--storage.tsdb.path={data}"),
                *(f"--web.listen-address={where}", "--log.level=warn"),
            ],
        )
        wait_until(lambda: http(self.netns, where, "/-/ready")[0] == 200, "that Prometheus is ready")

    def ask_prometheus(self, path, **values):
        path = f"/api/v1/{path}?{urllib.parse.urlencode(values)}"
        status, body = http(self.netns, f"127.0.0.1:{PROMETHEUS_PORT}", path)
        if status != 200:
            raise AssertionError(f"{path}: {status} {body}")
        return json.loads(body)["data"]

    def query(self, expression):
        """Samples: labels and value."""
        result = self.ask_prometheus("query", query=expression)
        if result["resultType"] == "scalar":
            return [({}, float(result["result"][1]))]
        return [(sample["metric"], float(sample["value"][1])) for sample in result["result"]]

    def send(self, source, destination, port, conversations, times=1):
        """Datagrams that nobody answers: each conversation from a port of its own, each `times` times."""
        payload = b"x" * 100

        def run():
            for _ in range(conversations):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    sender.connect((self.addresses[destination], port))
                    for _ in range(times):
                        sender.send(payload)
            return True

        inside(self.netns_of(source), run)

    def listen(self, pod, port):
        """Takes what comes, and says nothing: an unreachable port would."""

        def run():
            listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            listener.bind((self.addresses[pod], port))
            return listener

        return inside(self.netns_of(pod), run)


def missing():
    """Why it can't run here; empty = it can."""
    if os.geteuid() != 0:
        return "needs root"
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return "knows Linux on x86-64 only"
    return "" if shutil.which("prometheus") and shutil.which("promtool") else "needs prometheus and promtool"
