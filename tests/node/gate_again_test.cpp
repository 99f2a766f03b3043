// SPDX-License-Identifier: Apache-2.0
//
// The CNI gate and pods that come back under their names, as StatefulSets' do, with a veth of the same name. And its
// other commands.
#include <algorithm>

#include "cni/agent_client.h"
#include "gate_support.h"

namespace bulkhead::test {
namespace {

struct House {
    Net net = Net::create();
    Place node = net.node(kNodeA);
    std::string socket = net.directory() / (kNodeA + ".sock");
    Place first = net.wire(kNodeA, "shop/db-0", 20);

    House() {
        net.manifests().write("shop.yaml", namespace_text("shop"));
        tell(first, "11111111-0000-4000-8000-000000000001");
    }

    /// With a uid, and what else its metadata and its status have.
    void tell(const Place& pod, const std::string& uid, const std::string& annotations = "",
              const std::string& phase = "Pending") const {
        net.manifests().write(file_of(pod),
                              "apiVersion: v1\nkind: Pod\nmetadata: {name: db-0, namespace: shop, uid: " + uid +
                                  ", annotations: {" + annotations + "}}\nspec: {nodeName: " + pod.node +
                                  "}\nstatus: {phase: " + phase + "}\n");
    }
    CniCall add(const Place& pod, const std::string& uid) const {
        auto call = add_call(net, pod, socket);
        call.variables["CNI_ARGS"] += ";K8S_POD_UID=" + uid;
        return call;
    }
};

const std::string kFirst = "11111111-0000-4000-8000-000000000001";
const std::string kSecond = "22222222-0000-4000-8000-000000000002";

TEST_CASE("a pod that comes back under its name waits until the agent hears that it is another one") {
    const House house;
    const auto agent = AgentProcess::start(house.net, house.node, {});
    check_let_in(run_cni(house.node, house.add(house.first, kFirst)), house.add(house.first, kFirst));
    house.net.unwire(house.first);
    const Place again = house.net.wire(kNodeA, "shop/db-0", 21);
    auto call = house.add(again, kSecond);
    check_shut(run_cni(house.node, call), "the agent knows only of a former pod of that name");
    call.conf["timeoutSeconds"] = kLong;
    auto waiter = start_cni(house.node, call);
    house.tell(again, kSecond);
    check_let_in(end_of(waiter), call);
}

TEST_CASE("a pod that has ended doesn't open the gate for its successor, though nobody says which of them it is") {
    const House house;
    house.tell(house.first, kFirst, "", "Failed");
    const auto agent = AgentProcess::start(house.net, house.node, {});
    auto call = add_call(house.net, house.first, house.socket);
    check_shut(run_cni(house.node, call), "the agent knows only of a former pod of that name");
}

TEST_CASE("a static pod is known by the uid that its mirror at the API server tells") {
    const House house;
    house.tell(house.first, kSecond, "kubernetes.io/config.mirror: " + kFirst);
    const auto agent = AgentProcess::start(house.net, house.node, {});
    const auto call = house.add(house.first, kFirst);
    check_let_in(run_cni(house.node, call), call);
    check_shut(run_cni(house.node, house.add(house.first, kSecond)), "a former pod of that name");
}

TEST_CASE("the former pod's guarded veth doesn't open the gate for the new one of the same name") {
    const House house;
    auto agent = AgentProcess::start(house.net, house.node, {});
    check_let_in(run_cni(house.node, house.add(house.first, kFirst)), house.add(house.first, kFirst));
    for (int round = 0; round < 5; ++round) {
        INFO("round " << round);
        // News of the new veth isn't read while questions about it are asked.
        agent.process().signal(SIGSTOP);
        house.net.unwire(house.first);
        const Place again = house.net.wire(kNodeA, "shop/db-0", 20);
        auto call = house.add(again, kFirst);
        call.conf["timeoutSeconds"] = kLong;
        auto waiter = start_cni(house.node, call);
        CHECK_FALSE(waiter.wait(after(100ms)));
        agent.process().signal(SIGCONT);
        const auto answer = end_of(waiter);
        const auto veth = veths_of(house.net, again).front();
        const auto attached = attachments_in(house.node.netns);
        CHECK(std::ranges::any_of(attached, [&](const auto& one) { return one.find(veth) != std::string::npos; }));
        check_let_in(answer, call);
    }
}

TEST_CASE("CHECK asks once: it says nothing of a guarded pod, and of another why it isn't") {
    const House house;
    auto call = house.add(house.first, kFirst);
    call.command = "CHECK";
    call.conf["timeoutSeconds"] = kLong;
    auto answer = run_cni(house.node, call);
    CHECK(answer.status == 1);
    CHECK(answer.code() == 11);
    CHECK(answer.reason().find("pod shop/db-0 isn't guarded as it should be: the agent doesn't answer on ") == 0);
    const auto agent = AgentProcess::start(house.net, house.node, {});
    answer = run_cni(house.node, call);
    INFO(answer.output);
    CHECK(answer.status == 0);
    CHECK(answer.output.empty());
    house.net.manifests().remove(file_of(house.first));
    CHECK(wait_until([&] { return run_cni(house.node, call).status == 1; }, after(20s)));
}

TEST_CASE("CHECK and STATUS don't wait for ever for an agent that is stopped") {
    const House house;
    auto agent = AgentProcess::start(house.net, house.node, {});
    agent.process().signal(SIGSTOP);
    auto call = house.add(house.first, kFirst);
    for (const char* command : {"CHECK", "STATUS"}) {
        call.command = command;
        call.conf["cniVersion"] = "1.1.0";
        const auto answer = run_cni(house.node, call);
        INFO(answer.output);
        CHECK(answer.status == 1);
        CHECK(answer.reason().find("wait for its answer: Connection timed out") != std::string::npos);
    }
    agent.process().signal(SIGCONT);
}

TEST_CASE("STATUS says whether pods can start here") {
    const House house;
    CniCall call{
        .command = "STATUS",
        .conf = {{"cniVersion", "1.1.0"}, {"name", "aws-cni"}, {"type", "bulkhead-cni"}, {"socket", house.socket}},
        .variables = {}};
    auto answer = run_cni(house.node, call);
    CHECK(answer.status == 1);
    CHECK(answer.code() == 50);
    CHECK(answer.reason().find("no pod may start here: the agent doesn't answer on " + house.socket) == 0);
    const auto agent = AgentProcess::start(house.net, house.node, {});
    answer = run_cni(house.node, call);
    INFO(answer.output);
    CHECK(answer.status == 0);
    CHECK(answer.output.empty());
}

TEST_CASE("the agent refuses questions to the gate that make no sense") {
    const House house;
    const auto agent = AgentProcess::start(house.net, house.node, {});
    const auto answer_to = [&](const cni::Query& query) {
        const auto answer = cni::ask_gate(house.socket, query, after(10s));
        return answer ? *answer : answer.error().text;
    };
    const auto where = "the agent on " + house.socket + " says: ";
    CHECK(answer_to({{"pod", "web"}}) == where + "namespace and pod go together");
    CHECK(answer_to({{"namespace", "shop"}, {"pod", "db-0"}, {"addresses", "10.0.1"}}) ==
          where + "\"10.0.1\" is not an address");
    CHECK(answer_to({}) == "");
}

} // namespace
} // namespace bulkhead::test
