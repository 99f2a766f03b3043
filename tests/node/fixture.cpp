// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>

namespace bulkhead::test {

namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "nt";
constexpr const char* kPods = "n"; // between the process and the number of the net
constexpr auto kStartLimit = 60s;  // loading programs on a busy machine
constexpr auto kChangeLimit = 60s; // or asking for the first time, which loads one more
constexpr auto kAnswerLimit = 40s; // longer than bulkheadctl waits, which says why
const fs::path kRun = "/run";

const std::map<std::string, std::string> kThirdByte{{kNodeA, "1"}, {kNodeB, "2"}};

Result<std::string> podnet(const std::string& net, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {BULKHEAD_PODNET, "--net", net});
    return run_command(arguments, 60s);
}

/// Ends what runs in its namespaces, then removes pins and files. Works on whatever is there.
void clear_away(const std::string& net, const fs::path& directory) {
    (void)podnet(net, {"down"});
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(directory, ignored))
        if (entry.path().extension() == ".pins")
            (void)run_command({BULKHEAD_AGENT, "detach", "--pin-dir", entry.path()});
    fs::remove_all(directory, ignored);
}

/// "bht-nt<pid>n<number>" of a process that is no more.
void clear_after_the_dead() {
    const std::string start = std::string("bht-") + kPrefix;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(kRun, ignored)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(start)) continue;
        const std::string pid = name.substr(start.size(), name.find(kPods, start.size()) - start.size());
        if (!fs::exists(fs::path("/proc") / pid)) clear_away(name.substr(4), entry.path());
    }
}

std::string quoted(const std::string& text) {
    return Json(text).dump(); // a JSON string is a YAML string
}

std::string map_text(const Labels& map) {
    std::string text;
    for (const auto& [key, value] : map)
        text += (text.empty() ? "" : ", ") + quoted(key) + ": " + quoted(value);
    return "{" + text + "}";
}

std::string node_text(const Place& node) {
    return "apiVersion: v1\nkind: Node\nmetadata: {name: " + node.name + "}\nstatus: {addresses: [" +
           "{type: InternalIP, address: " + quoted(node.ip4.text()) +
           "}, {type: InternalIP, address: " + quoted(node.ip6.text()) + "}]}\n";
}

std::pair<std::string, std::string> split(const std::string& pod) {
    const auto slash = pod.find('/');
    return {pod.substr(0, slash), pod.substr(slash + 1)};
}

} // namespace

void Manifests::write(const std::string& file, const std::string& text) const {
    fs::create_directories(directory_);
    const fs::path draft = directory_ / ("." + file + ".new");
    std::ofstream(draft, std::ios::binary) << text;
    fs::rename(draft, directory_ / file);
}

void Manifests::remove(const std::string& file) const {
    if (!fs::remove(directory_ / file)) FAIL("remove " << file << ": there is none");
}

std::string namespace_text(const std::string& name, const Labels& labels) {
    return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: " + map_text(labels) + "}\n";
}

std::string protected_namespace_text(const std::string& name) {
    return namespace_text(name, {{"bulkhead.dev/level", "protected"}});
}

std::string pod_text(const Place& pod, const Labels& annotations, bool told) {
    const auto [ns, name] = split(pod.name);
    std::string text = "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: " + ns +
                       ", labels: {app: " + name + "}, annotations: " + map_text(annotations) +
                       "}\nspec: {nodeName: " + pod.node + "}\n";
    if (told)
        text += "status: {phase: Running, podIPs: [{ip: " + quoted(pod.ip4.text()) +
                "}, {ip: " + quoted(pod.ip6.text()) + "}]}\n";
    return text;
}

std::string tenant_text(const std::string& name, const std::string& spec) {
    return "apiVersion: bulkhead.dev/v1alpha1\nkind: Tenant\nmetadata: {name: " + name + "}\nspec: {" + spec + "}\n";
}

std::string file_of(const Place& pod) {
    const auto [ns, name] = split(pod.name);
    return ns + "-" + name + ".yaml";
}

Net Net::create() {
    if (geteuid() != 0) SKIP("needs root");
    clear_after_the_dead();
    static std::atomic<int> made{0};
    Net net(kPrefix + std::to_string(getpid()) + kPods + std::to_string(++made));
    fs::create_directories(net.directory_);
    for (const std::string& name : {kNodeA, kNodeB}) {
        const std::string last = "1" + kThirdByte.at(name);
        require(podnet(net.name_, {"up", "--ip4", "10.0.0." + last, "--ip6", "fd00:10::" + last, name}));
        net.manifests_.write(name + ".yaml", node_text(net.node(name)));
    }
    return net;
}

Net::Net(std::string name)
    : name_(std::move(name)), directory_(kRun / ("bht-" + name_)), manifests_(directory_ / "manifests") {}

Net::Net(Net&& other) noexcept
    : name_(std::exchange(other.name_, {})), directory_(std::move(other.directory_)),
      manifests_(std::move(other.manifests_)) {}

Net::~Net() {
    if (!name_.empty()) clear_away(name_, directory_);
}

Place Net::wire(const std::string& node, const std::string& pod, int number,
                const std::vector<std::string>& more) const {
    const std::string& third = kThirdByte.at(node);
    const std::string ip4 = "10.0." + third + "." + std::to_string(number);
    const std::string ip6 = "fd00:10:0:" + third + "::" + std::to_string(number);
    return wire_as(node, pod, ip4, ip6, more);
}

Place Net::wire_as(const std::string& node, const std::string& pod, const std::string& ip4, const std::string& ip6,
                   const std::vector<std::string>& more) const {
    std::vector<std::string> words{"add", "--ip4", ip4, "--ip6", ip6, node, pod};
    words.insert(words.end(), more.begin(), more.end());
    require(podnet(name_, words));
    const auto [ns, name] = split(pod);
    return {node, pod, require(Address::parse(ip4)), require(Address::parse(ip6)),
            require(Netns::open(name_ + "-" + node + "-" + ns + "." + name))};
}

Place Net::add(const std::string& node, const std::string& pod, int number, const Labels& annotations) const {
    Place place = wire(node, pod, number);
    tell(place, annotations);
    return place;
}

void Net::tell(const Place& pod, const Labels& annotations) const {
    manifests_.write(file_of(pod), pod_text(pod, annotations));
}

void Net::unwire(const Place& pod) const {
    require(podnet(name_, {"del", pod.node, pod.name}));
}

Place Net::resource(const std::string& name, const std::string& ip4, const std::string& ip6) const {
    require(podnet(name_, {"resource", "--ip4", ip4, "--ip6", ip6, name}));
    return {"", name, require(Address::parse(ip4)), require(Address::parse(ip6)),
            require(Netns::open(name_ + "-resource-" + name))};
}

Place Net::node(const std::string& name) const {
    const std::string last = "1" + kThirdByte.at(name);
    return {name, name, require(Address::parse("10.0.0." + last)), require(Address::parse("fd00:10::" + last)),
            require(Netns::open(name_ + "-node-" + name))};
}

std::string Net::listing() const {
    return require(podnet(name_, {"ls", "-o", "json"}));
}

AgentProcess AgentProcess::launch(const Net& net, const Place& node, const Options& options) {
    const std::string name = options.name.empty() ? node.name : options.name;
    const fs::path pin_dir = net.directory() / (name + ".pins");
    const std::string socket = net.directory() / (name + ".sock");
    std::vector<std::string> argv = options.before;
    argv.insert(argv.end(), {BULKHEAD_AGENT, "--node-name", node.name, "--pin-dir", pin_dir, "--socket", socket,
                             "--attach", options.attach, "--metrics-address", options.metrics_address});
    if (options.kubeconfig.empty()) {
        const fs::path source = options.source.empty() ? net.manifests().directory() : options.source;
        argv.insert(argv.end(), {"--source", "dir:" + source.string()});
    } else {
        argv.insert(argv.end(), {"--source", "kube", "--kubeconfig", options.kubeconfig});
    }
    argv.insert(argv.end(), options.more.begin(), options.more.end());
    Netns netns = require(Netns::open(node.netns.name()));
    Process process = require(Process::start(argv, &netns));
    return {std::move(process), std::move(netns), pin_dir, socket};
}

AgentProcess AgentProcess::start(const Net& net, const Place& node, const Options& options) {
    AgentProcess agent = launch(net, node, options);
    agent.wait_until_ready();
    return agent;
}

void AgentProcess::wait_until_ready() {
    const auto ready = [&] {
        const Json status = ask({"status"});
        return status.is_object() && status.value("ready", false);
    };
    const bool decided = wait_until([&] { return !process_.running() || ready(); }, after(kStartLimit), 20ms);
    if (!decided || !process_.running()) FAIL("the agent doesn't become ready: " << output());
}

Result<Json> AgentProcess::answer_to(std::vector<std::string> words) const {
    words.insert(words.begin(), {BULKHEAD_CTL, "--socket", socket_});
    words.insert(words.end(), {"-o", "json"});
    const auto answer = run_command(words, kAnswerLimit);
    if (!answer) return tl::unexpected(answer.error());
    return Json::parse(*answer, nullptr, false);
}

Json AgentProcess::ask(std::vector<std::string> words) const {
    return answer_to(std::move(words)).value_or(Json());
}

std::pair<int, std::string> AgentProcess::order(std::vector<std::string> words) const {
    words.insert(words.begin(), {BULKHEAD_CTL, "--socket", socket_});
    return run_in(netns_, words);
}

std::string AgentProcess::verdict(const std::string& from, const std::string& to, uint8_t family) const {
    Result<Json> answer;
    const auto is_answered = [&] {
        answer = answer_to({"explain", from, to, "--family", family == BH_IPV4 ? "4" : "6"});
        return answer || answer.error().text.find("it is busy") == std::string::npos;
    };
    wait_until(is_answered, after(kChangeLimit));
    if (!answer) return answer.error().text;
    return answer->is_object() ? answer->value("verdict", "") : answer->dump();
}

void AgentProcess::wait_for_verdict(const std::string& from, const std::string& to, const std::string& expected) const {
    std::string last;
    const auto holds = [&] { return (last = verdict(from, to)) == expected; };
    if (!wait_until(holds, after(kChangeLimit)))
        FAIL(from << " -> " << to << " stays \"" << last << "\" instead of " << expected << ": " << output());
}

std::vector<Json> AgentProcess::problems() const {
    const Json status = ask({"status"});
    return status.is_object() ? status.at("problems").get<std::vector<Json>>() : std::vector<Json>{};
}

bool AgentProcess::reports(const std::function<bool(const Json&)>& problem) const {
    return wait_until(
        [&] {
            const auto all = problems();
            return std::any_of(all.begin(), all.end(), problem);
        },
        after(kChangeLimit));
}

Json AgentProcess::endpoint(const std::string& name) const {
    const Json answer = ask({"endpoints"});
    if (answer.is_object())
        for (const Json& row : answer.at("endpoints"))
            if (row.at("name") == name) return row;
    return {};
}

std::pair<int, std::string> AgentProcess::detach() const {
    return run_in(netns_, {BULKHEAD_AGENT, "detach", "--pin-dir", pin_dir_});
}

std::pair<int, std::string> run_in(const Netns& netns, const std::vector<std::string>& argv) {
    Process process = require(Process::start(argv, &netns));
    const auto status = process.wait(after(30s));
    if (!status) FAIL(argv.front() << " in " << netns.name() << " doesn't end: " << process.output());
    return {*status, process.output()};
}

std::vector<std::string> attachments_in(const Netns& netns) {
    const auto [status, attached] = run_in(netns, {"bpftool", "-j", "net"});
    if (status != 0) FAIL("bpftool net: " << attached);
    std::vector<std::string> found;
    const Json listed = Json::parse(attached);
    for (const Json& one : listed.at(0).at("tc"))
        found.push_back(one.dump());
    const auto [failed, qdiscs] = run_in(netns, {"tc", "qdisc", "show"});
    if (failed) FAIL("tc qdisc: " << qdiscs);
    std::istringstream lines(qdiscs);
    for (std::string line; std::getline(lines, line);)
        if (line.find("clsact") != std::string::npos) found.push_back(line);
    return found;
}

} // namespace bulkhead::test
