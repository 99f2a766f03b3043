# SPDX-License-Identifier: Apache-2.0
"""What is told, and in which order. Every number and every answer on the screen is measured there and then,
and what isn't as the words around it say ends the demo with an error."""

import json
import subprocess
import time

from . import text
from .conversation import Conversation
from .stage import StageError, shown

_SILENCE = 2.0  # seconds that the end of a conversation is watched
_PING = ("node-space/node", "redis-space/redis")


class Story:
    def __init__(self, stage):
        self._stage = stage

    def parts(self):
        return (self._who_is_who, self._before, self._after, self._ask, self._ping_again, self._change_of_mind)

    def how_to_explore(self):
        stage = self._stage
        text.title("It is all still there")
        text.say("Edit the manifests that the agents follow; changes act on the next packet:")
        text.verbatim(f"\n  {stage.manifests}\n")
        text.say("Things to try, from the repository's root:")
        text.gap()
        matrix = shown([stage.build / "bulkhead-matrix", stage.manifests])
        for line in (
            shown(stage.ctl_words("node-a", "endpoints")),
            shown(stage.ctl_words("node-a", "explain", "blog/web", "payments/api:8443")),
            shown(stage.in_place("blog/web", ["ping", "-c1", "-W1", stage.pod("payments/api")["ip4"]])),
            f"tools/podnet --net {stage.net} ls",
            f"tools/podnet --net {stage.net} ls -o json | {matrix}",
        ):
            text.verbatim(f"  {line}")
        text.gap()
        text.say("`tools/demo --down` removes it all; so does the next demo.")

    def _who_is_who(self):
        text.title("Two EKS nodes, nine tenants")
        text.say(
            """Network namespaces play the nodes and pods, wired as the AWS VPC CNI does it; others play what lies
            outside of the cluster. Manifests say who is who: namespace labels, and a few objects where labels
            don't do. The numbers are those of the tables below."""
        )
        text.gap()
        self._matrix("--who")
        text.gap()
        text.say(
            """Strangers get into no protected tenant. `sealed` keeps monitoring out, too; `confined` ones reach
            nobody but those they name; `audit` reports what it would drop."""
        )

    def _before(self):
        text.title("Without Bulkhead")
        text.say("Everybody tries everybody, by TCP and UDP on every port that anybody has, and by ping:")
        text.gap()
        self._matrix("--expect", "open")
        text.gap()
        text.say(
            """That is Kubernetes' own flat network, databases included. A well-known walk-through gives two
            customers a Kiosk account each, hides their namespaces from each other, and ends with a ping from
            one's pod to the other's:"""
        )
        if not self._ping():
            raise StageError("the ping was not answered, and should have been")

    def _after(self):
        stage = self._stage
        text.title("With Bulkhead")
        text.say("An agent starts on each node and reads the manifests.")
        begin = time.monotonic()
        stage.start_agents()
        took = time.monotonic() - begin
        guarded = sum(self._status(node)["interfaces"]["guarded"] for node in stage.nodes())
        text.say(f"{guarded} pods guarded after {took:.1f} seconds; none was restarted. The same probes again:")
        text.gap()
        self._matrix()
        text.gap()
        text.say(
            """"As expected" means: a second, independent reading of the manifests, which shares no code with the
            kernel programs, foretold each of these answers."""
        )

    def _ask(self):
        text.title("Who may, who may not, and why")
        self._ctl("node-a", "status")
        self._ctl("node-a", "tenants")
        text.gap()
        text.say("The `login` pods may ask `payments`, because its owner granted that:")
        self._ctl("node-a", "explain", "accounts/login", "payments/api:8443")
        text.gap()
        text.say("The blog may not. It had a grant once, and the grant had a date:")
        self._ctl("node-a", "explain", "blog/web", "payments/api:8443")
        text.gap()
        text.say("The database is no pod, but it has an owner all the same:")
        self._ctl("node-a", "explain", "blog/web", "payments-aurora:5432")

    def _ping_again(self):
        text.title("The ping that used to work")
        if self._ping():
            raise StageError("the ping was answered, and should not have been")
        text.gap()
        text.say("The node of the pod that is asked decides, and says why:")
        self._ctl("node-a", "explain", _PING[0], f"{_PING[1]}:icmp")

    def _change_of_mind(self):
        text.title("A change of mind")
        text.say(
            """`blog/reports` may read exports from the vault, since the payments team says so in an AccessGrant. It
            does so now, over one TCP connection. Meanwhile that AccessGrant is taken out of payments.yaml."""
        )
        client, server = (self._stage.pod(key) for key in ("blog/reports", "payments/vault"))
        with Conversation(client["netns"], server["netns"], server["ip4"], 9443) as conversation:
            conversation.talk(1.0)
            before = conversation.answers
            changed = self._stage.rewrite("payments.yaml", _without_access_grants)
            conversation.talk(_SILENCE)
            _tell_the_end(conversation, before, changed)
        self._ctl("node-b", "explain", "blog/reports", "payments/vault:9443")

    def _ping(self):
        """Whether it was answered."""
        address = self._stage.pod(_PING[1])["ip4"]
        return _show(self._stage.in_place(_PING[0], ["ping", "-q", "-c1", "-W1", address]))

    def _ctl(self, node, *arguments):
        if not _show(self._stage.ctl_words(node, *arguments)):
            raise StageError(f"the agent of {node} doesn't answer as it should")

    def _status(self, node):
        words = self._stage.ctl_words(node, "status", "-o", "json")
        return json.loads(subprocess.run(words, text=True, capture_output=True, check=True).stdout)

    def _matrix(self, *options):
        words = [self._stage.build / "bulkhead-matrix", self._stage.manifests, *options]
        done = subprocess.run(words, input=json.dumps(self._stage.listing()), text=True, check=False)
        if done.returncode != 0:
            raise StageError("the matrix is not as expected")


def _tell_the_end(conversation, before, changed):
    now = time.monotonic()
    after = max(0.0, conversation.last_answer - changed)
    if after > _SILENCE / 2:
        raise StageError(f"the connection went on for {after:.1f} s after its grant was gone")
    text.gap()
    text.verbatim(f"  answers in the second before the change    {before}")
    text.verbatim(f"  answers after it                           {conversation.answers - before}")
    text.verbatim(f"  the last one came                          {after * 1000:.1f} ms after it")
    text.verbatim(f"  silence since                              {now - conversation.last_answer:.1f} s")
    text.gap()
    text.say(
        """Milliseconds after the file changed, the kernel knew. Nobody has to find the connection and end it:
        each packet is judged by what holds when it comes."""
    )


def _without_access_grants(manifest):
    documents = manifest.split("\n---\n")
    return "\n---\n".join(document for document in documents if "\nkind: AccessGrant\n" not in f"\n{document}\n")


def _show(words):
    """A command and what it prints; whether it succeeded."""
    text.command(shown(words))
    return subprocess.run(words, check=False).returncode == 0
