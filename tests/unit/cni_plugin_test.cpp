// SPDX-License-Identifier: Apache-2.0
//
// What bulkhead-cni answers without an agent: the specification's commands, versions and errors.
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <map>
#include <sstream>

#include "cni/agent_client.h"
#include "cni/plugin.h"

namespace bulkhead::cni {
namespace {

using Environ = std::map<std::string, std::string>;

const std::string kResult = R"({"cniVersion":"1.0.0","interfaces":[{"name":"eni05884c50f2a"},)"
                            R"({"name":"eth0","sandbox":"/run/netns/x","pciID":"254"},)"
                            R"({"name":"dummy05884c50f2a","mac":"0","sandbox":"0","socketPath":"1"}],)"
                            R"("ips":[{"interface":1,"address":"10.0.1.20/32"}],"dns":{}})";
const Environ kPod{{"CNI_CONTAINERID", "c"},
                   {"CNI_NETNS", "/run/netns/x"},
                   {"CNI_IFNAME", "eth0"},
                   {"CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web"}};

struct Answer {
    int status;
    std::string output;
    Json json;

    unsigned code() const { return json.value("code", 0U); }
    std::string msg() const { return json.value("msg", ""); }
};

Answer run(const std::string& command, const std::string& input, Environ environ = kPod) {
    environ["CNI_COMMAND"] = command;
    std::istringstream in(input);
    std::ostringstream out;
    const auto variables = [&](const char* name) {
        const auto found = environ.find(name);
        return found == environ.end() ? nullptr : found->second.c_str();
    };
    const int status = run_plugin(variables, in, out);
    auto json = Json::parse(out.str(), nullptr, false);
    return {status, out.str(), json.is_object() ? json : Json::object()};
}

/// With settings of ours ("\"waitFor\":\"guarded\","), or other keys. Nobody listens there.
std::string conf(const std::string& more = "", const std::string& version = "1.0.0") {
    return R"({"cniVersion":")" + version +
           R"(","name":"aws-cni","type":"bulkhead-cni","socket":"/nowhere/agent.sock",)" + R"("timeoutSeconds":1,)" +
           more + R"("prevResult":)" + kResult + "}";
}

Environ without(const std::string& name) {
    Environ environ = kPod;
    environ.erase(name);
    return environ;
}

void check_error(const Answer& answer, unsigned code, const std::string& part) {
    INFO(answer.output);
    CHECK(answer.status == 1);
    CHECK(answer.code() == code);
    CHECK(answer.msg().find(part) != std::string::npos);
    CHECK(answer.json.contains("cniVersion"));
}

TEST_CASE("without an agent a pod waits as long as is said, and is told to try again later, and why") {
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = run("ADD", conf());
    CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::seconds(1));
    check_error(
        answer, 11,
        "pod shop/web may not start yet: the agent doesn't answer on /nowhere/agent.sock: No such file or directory");
    CHECK(answer.json.at("cniVersion") == "1.0.0");
    CHECK(answer.json.at("details") == "bulkhead asked for 1 s on /nowhere/agent.sock");
}

TEST_CASE("what isn't UTF-8 in a pod's name doesn't keep the runtime from reading why it waits") {
    Environ environ = kPod;
    environ["CNI_ARGS"] = "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=we\xff";
    check_error(run("ADD", conf(), environ), 11, "may not start yet: the agent doesn't answer");
}

TEST_CASE("what is exempt goes on byte for byte, in the order in which it came") {
    const auto answer = run("ADD", conf(R"("exemptNamespaces":["kube-system","shop"],)"));
    CHECK(answer.status == 0);
    CHECK(answer.output == kResult + "\n");
}

TEST_CASE("what can't be understood is an error with the specification's code, and none of it waits") {
    const std::string own = R"("exemptNamespaces":["shop"],)"; // would let it in
    check_error(run("ADD", ""), 6, "no JSON");
    check_error(run("ADD", "{"), 6, "no JSON");
    check_error(run("ADD", "[]"), 6, "no JSON object");
    check_error(run("ADD", R"({"name":"x"})"), 1, R"(cniVersion is "")");
    for (const char* version : {"0.1.0", "0.2.0", "1.2.0", "2.0.0", "1.0"})
        check_error(run("ADD", conf(own, version)), 1, R"(cniVersion is ")" + std::string(version) + "\"");
    check_error(run("ADD", R"({"cniVersion":"1.0.0","name":"x","type":"bulkhead-cni"})"), 7, "there is no prevResult");
    check_error(run("ADD", R"({"cniVersion":"1.0.0","prevResult":{"interfaces":"eni"}})"), 7, "prevResult.interfaces");
    check_error(run("ADD", R"({"cniVersion":"1.0.0","prevResult":{"interfaces":["eni"]}})"), 7,
                "prevResult.interfaces");
    check_error(run("ADD", R"({"cniVersion":"1.0.0","prevResult":{"ips":[{}]}})"), 7, "prevResult.ips");
    for (const char* name : {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"})
        for (const char* command : {"ADD", "CHECK"})
            check_error(run(command, conf(own), without(name)), 4, std::string(name) + " is missing");
    check_error(run("ADD", conf(own), without("CNI_ARGS")), 4, "K8S_POD_NAME");
    check_error(run("PLUG", conf(own)), 4, R"(CNI_COMMAND is "PLUG")");
}

TEST_CASE("settings are as the page says, and a misspelt one lets nobody in") {
    const std::string own = R"("exemptNamespaces":["shop"],)";
    for (const char* good : {R"("waitFor":"guarded",)", R"("waitFor":"published",)", R"("timeoutSeconds":180,)",
                             R"("runtimeConfig":{"x":1},"args":{},"ipam":{},"dns":{},"capabilities":{"a":true},)",
                             R"("cni.dev/valid-attachments":[],)"}) {
        INFO(good);
        CHECK(run("ADD", conf(own + good)).status == 0);
    }
    check_error(run("ADD", conf(own + R"("waitfor":"published",)")), 2, R"(no setting waitfor ("published"))");
    check_error(run("ADD", conf(own + R"("waitFor":"publish",)")), 7, R"(waitFor is "publish", not "guarded")");
    check_error(run("ADD", conf(own + R"("socket":"agent.sock",)")), 7, "socket is");
    check_error(run("ADD", conf(own + R"("exemptNamespaces":"shop",)")), 7, "exemptNamespaces is");
    check_error(run("ADD", conf(own + R"("exemptNamespaces":[""],)")), 7, "exemptNamespaces is");
    for (const char* wrong : {"0", "-1", "181", "1.5", "\"30\"", "99999999999999999999", "null"})
        check_error(run("ADD", conf(own + R"("timeoutSeconds":)" + wrong + ",")), 7, "timeoutSeconds is");
}

TEST_CASE("DEL and GC succeed at once and say nothing, whatever is the matter") {
    const auto begin = std::chrono::steady_clock::now();
    for (const char* command : {"DEL", "GC"})
        for (const auto& input : {conf(), conf(R"("waitfor":1,)"), conf("", "0.3.0"), std::string("{"), std::string()})
            for (const auto& environ : {kPod, Environ{}}) {
                const auto answer = run(command, input, environ);
                CHECK(answer.status == 0);
                CHECK(answer.output.empty());
            }
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(1));
}

TEST_CASE("VERSION names all versions, in the version in which it was asked") {
    const Json versions{"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};
    const auto answer = run("VERSION", R"({"cniVersion":"0.4.0"})", {});
    CHECK(answer.status == 0);
    CHECK(answer.json == Json{{"cniVersion", "0.4.0"}, {"supportedVersions", versions}});
    CHECK(run("VERSION", "", {}).json.at("supportedVersions") == versions);
}

TEST_CASE("commands that a version of the specification doesn't have are refused in it") {
    for (const char* version : {"0.3.0", "0.3.1"})
        check_error(run("CHECK", conf("", version)), 1, "of CNI has no CHECK");
    check_error(run("CHECK", conf("", "0.4.0")), 11, "pod shop/web isn't guarded as it should be");
    for (const char* version : {"0.3.1", "0.4.0", "1.0.0"})
        check_error(run("STATUS", conf("", version), {}), 1, "of CNI has no STATUS");
    check_error(run("STATUS", conf("", "1.1.0"), {}), 50, "no pod may start here");
}

TEST_CASE("the question has what the agent needs, and nothing in it can pass for another question") {
    CHECK(path_of_gate({}) == "/v1/gate");
    CHECK(path_of_gate({{"pod", "web-0.a_b"}, {"addresses", "10.0.1.20,fd00::1"}}) ==
          "/v1/gate?pod=web-0.a_b&addresses=10.0.1.20,fd00%3A%3A1");
    CHECK(path_of_gate({{"pod", "a&published=true HTTP/1.1\r\n\xff"}}) ==
          "/v1/gate?pod=a%26published%3Dtrue%20HTTP%2F1.1%0D%0A%FF");
}

TEST_CASE("interfaces without a sandbox are the host's; addresses come without their prefix") {
    const auto wiring = read_wiring(Json::parse(kResult));
    REQUIRE(wiring);
    CHECK(wiring->interfaces == std::vector<std::string>{"eni05884c50f2a"});
    CHECK(wiring->addresses == std::vector<std::string>{"10.0.1.20"});
    const auto branch = read_wiring(Json::parse(
        R"({"interfaces":[{"name":"vlan05884c50f2a"},{"name":"eth0","sandbox":"s"},{"name":"dummy05884c50f2a","mac":"3"}]})"));
    REQUIRE(branch);
    CHECK(branch->interfaces == std::vector<std::string>{"vlan05884c50f2a", "dummy05884c50f2a"});
    CHECK(branch->addresses.empty());
}

} // namespace
} // namespace bulkhead::cni
