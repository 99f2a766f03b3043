# SPDX-License-Identifier: Apache-2.0
"""What IAM lets the controller do is what agent/aws asks, no more and no less; who may be it is one ServiceAccount.

`--list` names the tests, one a line, for ctest; a name as the argument runs that one.
"""

import json
import re
import sys
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
CODE = ROOT / "agent" / "aws"
AWS = ROOT / "manifests" / "aws"

# How the code and IAM call a service.
IAM = {"Ec2": "ec2", "Rds": "rds", "ElastiCache": "elasticache", "Tagging": "tag", "Sts": "sts"}
# AWS asks no policy about these two: one is not signed, the other anybody may ask.
FREE = {"sts:AssumeRoleWithWebIdentity", "sts:GetCallerIdentity"}
# No call, but what sts:AssumeRole needs besides, where the session has tags that it hands on.
NO_CALL = {"sts:TagSession"}

# A string that is the name of an action, perhaps behind a JSON API's target; the elements of answers end in Result.
VERBS = "Describe|Get|List|Search|Lookup|Batch|Assume|Create|Modify|Put|Update|Delete|Tag"
ACTION = re.compile(rf'"(?:\w+_\d+\.)?((?:{VERBS})[A-Z]\w*)"')


def asked_by(path):
    text = path.read_text()
    actions = {name for name in ACTION.findall(text) if not name.endswith("Result")}
    services = set(re.findall(r"Service::k(\w+)", text)) | ({"Ec2"} if "ec2_paging(" in text else set())
    if actions and len(services) != 1:
        raise ValueError(f"{path.name} names {sorted(actions)} and {sorted(services) or 'no service'}: whose are they?")
    return {f"{IAM[service]}:{action}" for service in services for action in actions}


def asked():
    return set().union(*map(asked_by, CODE.glob("*.cpp")))


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(name):
    return json.loads((AWS / name).read_text())["Statement"]


def actions_of(policy):
    return [action for statement in policy for action in listed(statement["Action"])]


def association():
    config = yaml.safe_load((AWS / "cluster.eksctl.yaml").read_text())
    (found,) = config["iam"]["podIdentityAssociations"]
    return config, found


def controllers_account():
    """Namespace and name of the ServiceAccount that the Deployment runs as."""
    deployment = yaml.safe_load((ROOT / "manifests" / "base" / "controller.yaml").read_text())
    return deployment["metadata"]["namespace"], deployment["spec"]["template"]["spec"]["serviceAccountName"]


class Aws(unittest.TestCase):
    maxDiff = None

    def test_the_policies_allow_every_call_that_the_code_makes_and_no_other(self):
        found = asked()
        self.assertIn("ec2:DescribeNetworkInterfaces", found)  # or what looks for them is broken
        allowed = actions_of(statements("lookups.json")) + actions_of(statements("other-accounts.json"))
        self.assertEqual(len(allowed), len(set(allowed)))
        self.assertEqual(set(allowed) - NO_CALL, found - FREE)

    def test_no_policy_has_a_wildcard_action_or_another_way_to_say_all(self):
        for path in AWS.glob("*.json"):
            for statement in statements(path.name):
                with self.subTest(path.name, sid=statement.get("Sid")):
                    self.assertEqual(statement["Effect"], "Allow")
                    self.assertNotIn("*", "".join(listed(statement["Action"])))
                    self.assertFalse({"NotAction", "NotResource", "NotPrincipal"} & set(statement))

    def test_look_ups_only_read(self):
        for action in actions_of(statements("lookups.json")):
            self.assertRegex(action, r"^(ec2|rds|elasticache|tag):(Describe|Get)")

    def test_roles_of_other_accounts_are_a_policy_of_their_own_and_each_is_named(self):
        for statement in statements("other-accounts.json"):
            for resource in listed(statement["Resource"]):
                self.assertRegex(resource, r"^arn:aws:iam::\d{12}:role/[\w+=,.@/-]+$")

    def test_eksctl_gives_the_same_rights_to_the_same_ServiceAccount(self):
        config, found = association()
        self.assertEqual(found["permissionPolicy"], json.loads((AWS / "lookups.json").read_text()))
        self.assertEqual((found["namespace"], found["serviceAccountName"]), controllers_account())
        overlay = yaml.safe_load((ROOT / "manifests" / "overlays" / "eks" / "cluster.eksctl.yaml").read_text())
        for field in ("name", "region"):
            self.assertEqual(config["metadata"][field], overlay["metadata"][field])

    def test_only_the_controllers_ServiceAccount_can_be_the_role(self):
        namespace, name = controllers_account()
        (pod_identity,) = statements("trust-pod-identity.json")
        tags = pod_identity["Condition"]["StringEquals"]
        self.assertEqual(tags["aws:RequestTag/kubernetes-namespace"], namespace)
        self.assertEqual(tags["aws:RequestTag/kubernetes-service-account"], name)
        self.assertIn("aws:RequestTag/eks-cluster-arn", tags)
        (irsa,) = statements("trust-irsa.json")
        provider = irsa["Principal"]["Federated"].split("oidc-provider/")[1]
        self.assertEqual(irsa["Condition"]["StringEquals"],
                         {f"{provider}:aud": "sts.amazonaws.com",
                          f"{provider}:sub": f"system:serviceaccount:{namespace}:{name}"})

    def test_another_account_trusts_one_role_with_one_external_id(self):
        by_action = {statement["Action"]: statement for statement in statements("trust-other-account.json")}
        self.assertEqual(set(by_action), {"sts:AssumeRole", "sts:TagSession"})
        for statement in by_action.values():
            self.assertRegex(statement["Principal"]["AWS"], rf"^arn:aws:iam::\d{{12}}:role/{association()[1]['roleName']}$")
        self.assertEqual(set(by_action["sts:AssumeRole"]["Condition"]["StringEquals"]), {"sts:ExternalId"})

    def test_the_rights_in_the_documentation_are_these(self):
        text = (ROOT / "docs" / "aws-lookups.md").read_text()
        section = text.split("\n## Rights\n")[1].split("\n## ")[0]
        block = "\n".join(line for line in section.splitlines() if line.startswith("    "))
        self.assertEqual(set(re.findall(r"\b[a-z0-9]+:[A-Z]\w+", block)), asked() - FREE)


def main():
    if sys.argv[1:] == ["--list"]:
        for name in unittest.defaultTestLoader.getTestCaseNames(Aws):
            print(f"Aws.{name}")
        return 0
    return not unittest.main(exit=False).result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
