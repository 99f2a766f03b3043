// SPDX-License-Identifier: Apache-2.0
#include "support/api_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "support/sockets.h"

namespace bulkhead::test {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kLoopback = "127.0.0.1";
constexpr const char* kServices = "10.96.0.0/16";
constexpr auto kStartLimit = 180s; // on a machine that is busy with other things
constexpr auto kGrace = 3s;
constexpr auto kEndLimit = 10s; // of what was killed
constexpr auto kCommandLimit = 60s;
constexpr int kTimedOut = 124; // what timeout(1) says
// Below those from which the kernel takes clients' ports, so that nobody gets the server's while it is away.
constexpr int kFirstPort = 20000;
constexpr int kLastPort = 32000;
constexpr int kTailLines = 30;

/// Where a server comes from.
struct Origin {
    const char* program;
    const char* folder; // the variable that names it
    const char* maker;  // of the folder
};

Origin origin_of(ApiServerKind kind) {
    if (kind == ApiServerKind::kMachinery) return {"machinery", "BULKHEAD_MACHINERY", "tests/cluster/machinery/make"};
    return {"kube-apiserver", "KUBEBUILDER_ASSETS", "tests/cluster/assets"};
}

/// Where there are no client certificates.
ApiUser admin() {
    return {.name = "admin", .token = "token-of-the-admin", .groups = {"system:masters"}};
}

std::string tail_of(const std::string& log) {
    size_t from = log.size();
    for (int lines = 0; from > 0 && lines <= kTailLines; --from)
        lines += log[from - 1] == '\n' ? 1 : 0;
    return log.substr(from);
}

tl::unexpected<Error> fail_with_log(const std::string& what, const Process& process) {
    return fail(what + "; the last that it wrote:\n" + tail_of(process.output()));
}

/// That nobody has, in the calling thread's namespace; 0 = none.
uint16_t unused_port(const Address& address) {
    std::random_device random;
    std::uniform_int_distribution<int> any(kFirstPort, kLastPort);
    for (int attempt = 0; attempt < 100; ++attempt) {
        const auto port = static_cast<uint16_t>(any(random));
        const Fd fd(socket(address.family == BH_IPV4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto at = SocketAddress::of(address, port);
        if (bind(fd.get(), at.raw(), at.size) == 0) return port;
        if (errno != EADDRINUSE) return 0;
    }
    return 0;
}

/// A number as protobuf's JSON writes it: in quotes.
std::string text_at(const Json& json, const Json::json_pointer& where) {
    return json.is_object() && json.contains(where) && json.at(where).is_string() ? json.at(where).get<std::string>()
                                                                                  : "";
}

/// EKS says "33+".
int number_in(const std::string& text) {
    int number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

} // namespace

Result<fs::path> cluster_asset(const std::string& name, ApiServerKind kind) {
    const Origin origin = origin_of(kind);
    const char* folder = std::getenv(origin.folder);
    if (!folder || !*folder)
        return fail(std::string(origin.folder) + " is not set; " + origin.maker + " makes what it names");
    const fs::path program = fs::path(folder) / name;
    if (access(program.c_str(), X_OK) != 0) return fail("run " + program.string(), errno);
    return program;
}

Result<ApiServer> ApiServer::create(const Options& options) {
    const Deadline deadline = after(kStartLimit);
    const auto program = cluster_asset(origin_of(options.kind).program, options.kind);
    if (!program) return tl::unexpected(program.error());
    std::optional<Netns> netns;
    if (!options.netns.empty()) {
        auto opened = Netns::open(options.netns);
        if (!opened) return tl::unexpected(opened.error());
        netns = std::move(*opened);
    }
    auto files = ApiServerFiles::create(options.address);
    if (!files) return tl::unexpected(files.error());
    ApiServer server(options, program->parent_path(), std::move(netns), std::move(*files));
    if (auto done = server.prepare(); !done) return tl::unexpected(done.error());
    if (auto done = server.start_etcd(); !done) return tl::unexpected(done.error());
    if (auto done = server.start(); !done) return tl::unexpected(done.error());
    if (auto done = server.wait_ready(deadline); !done) return tl::unexpected(done.error());
    if (options.controller_manager) {
        if (auto done = server.start_controller_manager(deadline); !done) return tl::unexpected(done.error());
    }
    return server;
}

Result<> ApiServer::prepare() {
    for (const auto& [port, address] : {std::pair(&etcd_port_, std::string(kLoopback)), {&port_, options_.address}}) {
        const auto found = free_port(address);
        if (!found) return tl::unexpected(found.error());
        *port = *found;
    }
    auto users = options_.users;
    if (is_machinery()) users.push_back(admin());
    if (auto done = files_.write_users(users); !done) return done;
    auto kubeconfig = is_machinery() ? kubeconfig_for(admin().token) : files_.write_admin_kubeconfig(url());
    if (!kubeconfig) return tl::unexpected(kubeconfig.error());
    kubeconfig_ = std::move(*kubeconfig);
    return {};
}

Result<uint16_t> ApiServer::free_port(const std::string& address) const {
    const auto parsed = Address::parse(address);
    if (!parsed) return tl::unexpected(parsed.error());
    const auto look = [&] { return unused_port(*parsed); };
    const uint16_t port = netns_ ? netns_->run(look) : look();
    if (port == 0) return fail("find a free port on " + address + (netns_ ? " in " + netns_->name() : ""));
    return port;
}

Result<Process> ApiServer::launch(std::vector<std::string> words) const {
    words.front() = assets_ / words.front();
    return Process::start(words, {.netns = netns_ ? &*netns_ : nullptr, .input = "", .ends_with_thread = true});
}

Result<> ApiServer::start_etcd() {
    const std::string url = std::string("http://") + kLoopback + ":" + std::to_string(etcd_port_);
    auto started =
        launch({"etcd", "--data-dir", files_.file("etcd"), "--listen-client-urls", url, "--advertise-client-urls", url,
                "--listen-peer-urls", std::string("http://") + kLoopback + ":0"});
    if (!started) return tl::unexpected(started.error());
    etcd_.emplace(std::move(*started));
    return {};
}

Result<> ApiServer::start() {
    if (server_ && server_->running()) return {};
    auto started = launch(server_words());
    if (!started) return tl::unexpected(started.error());
    server_.reset();
    server_.emplace(std::move(*started));
    return {};
}

std::vector<std::string> ApiServer::server_words() const {
    std::vector<std::string> words{
        origin_of(options_.kind).program,
        "--etcd-servers=http://" + std::string(kLoopback) + ":" + std::to_string(etcd_port_),
        "--bind-address=" + options_.address,
        "--secure-port=" + std::to_string(port_),
        "--cert-dir=" + files_.file("generated").string(),
        "--tls-cert-file=" + files_.file("server.crt").string(),
        "--tls-private-key-file=" + files_.file("server.key").string(),
    };
    if (is_machinery() || !options_.users.empty())
        words.emplace_back("--token-auth-file=" + files_.file("users.csv").string());
    if (!is_machinery()) {
        const auto its_own = words_of_kubernetes();
        words.insert(words.end(), its_own.begin(), its_own.end());
    }
    words.insert(words.end(), options_.more.begin(), options_.more.end());
    return words;
}

std::vector<std::string> ApiServer::words_of_kubernetes() const {
    std::vector<std::string> words{
        "--advertise-address=" + options_.address,
        "--client-ca-file=" + files_.ca().string(),
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=" + files_.file("service-accounts.pub").string(),
        "--service-account-signing-key-file=" + files_.file("service-accounts.key").string(),
        "--service-cluster-ip-range=" + std::string(kServices),
        "--allow-privileged=true",
    };
    // A loopback address can't be an endpoint of the Service "kubernetes".
    if (options_.address == kLoopback) words.emplace_back("--endpoint-reconciler-type=none");
    // It refuses pods in namespaces that have no service account yet, and nobody else makes them.
    if (!options_.controller_manager) words.emplace_back("--disable-admission-plugins=ServiceAccount");
    return words;
}

Result<> ApiServer::start_controller_manager(Deadline deadline) {
    const auto server = version();
    if (!server) return tl::unexpected(server.error());
    auto started = launch(controller_manager_words(*server < Version{1, 24}));
    if (!started) return tl::unexpected(started.error());
    manager_.emplace(std::move(*started));
    return wait_for(
        "kube-controller-manager makes service accounts",
        [&] {
            return kubectl({"get", "serviceaccount", "default"}).status == 0;
        },
        deadline);
}

std::vector<std::string> ApiServer::controller_manager_words(bool has_insecure_port) const {
    std::vector<std::string> words{
        "kube-controller-manager",
        "--kubeconfig=" + kubeconfig_.string(),
        "--leader-elect=false",
        "--secure-port=0",
        "--root-ca-file=" + files_.ca().string(),
        "--service-account-private-key-file=" + files_.file("service-accounts.key").string(),
        // No kubelet sends a heartbeat; and a pod may be on a node that nobody wrote down.
        "--controllers=*,-nodelifecycle,-podgc",
    };
    if (has_insecure_port) words.emplace_back("--port=0");
    return words;
}

Result<> ApiServer::wait_ready(Deadline deadline) {
    return wait_for(
        std::string(origin_of(options_.kind).program) + " is ready",
        [&] {
            return kubectl({"get", "--raw", "/readyz"}).status == 0;
        },
        deadline);
}

Result<> ApiServer::wait_for(const std::string& what, const std::function<bool()>& holds, Deadline deadline) {
    Process* ended = nullptr;
    const auto decided = [&] {
        for (auto* child : {&etcd_, &server_, &manager_})
            if (*child && !(*child)->running()) ended = &**child;
        return ended || holds();
    };
    const bool in_time = wait_until(decided, deadline, 50ms);
    if (ended) {
        const std::string name = ended == &*etcd_                  ? "etcd"
                                 : manager_ && ended == &*manager_ ? "kube-controller-manager"
                                                                   : origin_of(options_.kind).program;
        return fail_with_log("wait until " + what + ": " + name + " ended", *ended);
    }
    if (!in_time) return fail_with_log("wait until " + what + ": time is over", manager_ ? *manager_ : *server_);
    return {};
}

void ApiServer::stop() {
    if (!server_->stop(after(kGrace))) kill();
}

void ApiServer::kill() {
    server_->signal(SIGKILL);
    (void)server_->wait(after(kEndLimit));
}

std::string ApiServer::url() const {
    const bool v6 = options_.address.find(':') != std::string::npos;
    return "https://" + (v6 ? "[" + options_.address + "]" : options_.address) + ":" + std::to_string(port_);
}

Result<fs::path> ApiServer::kubeconfig_for(const std::string& token) const {
    return files_.write_token_kubeconfig(url(), token);
}

Result<std::string> ApiServer::service_account_token(const std::string& ns, const std::string& name) const {
    const std::string path = "/api/v1/namespaces/" + ns + "/serviceaccounts/" + name + "/token";
    const Answer answer = kubectl({"create", "--raw", path, "-f", "-"},
                                  R"({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})");
    const std::string token = text_at(Json::parse(answer.output, nullptr, false), "/status/token"_json_pointer);
    if (token.empty()) return fail("ask for a token of " + ns + "/" + name + ": " + answer.output);
    return token;
}

ApiServer::Answer ApiServer::kubectl(const std::vector<std::string>& arguments, const std::string& input) const {
    return kubectl_as(kubeconfig_, arguments, input);
}

ApiServer::Answer ApiServer::kubectl_as(const fs::path& kubeconfig, const std::vector<std::string>& arguments,
                                        const std::string& input) const {
    std::vector<std::string> words{assets_ / "kubectl", "--kubeconfig", kubeconfig, "--cache-dir",
                                   files_.file("kubectl-cache")};
    words.insert(words.end(), arguments.begin(), arguments.end());
    auto process = Process::start(words, {.netns = netns_ ? &*netns_ : nullptr, .input = input});
    if (!process) return {127, process.error().text};
    const auto status = process->wait(after(kCommandLimit));
    return {status.value_or(kTimedOut), process->output()};
}

Result<ApiServer::Version> ApiServer::version() const {
    const Answer answer = kubectl({"get", "--raw", "/version"});
    const Json json = Json::parse(answer.output, nullptr, false);
    const std::string major = text_at(json, "/major"_json_pointer);
    const std::string minor = text_at(json, "/minor"_json_pointer);
    if (answer.status != 0 || major.empty() || minor.empty())
        return fail("ask for the server's version: " + answer.output);
    return Version{number_in(major), number_in(minor)};
}

Result<> ApiServer::compact_etcd() const {
    // Any key: what counts is the revision in the answer's header.
    const auto ranged = ask_etcd("/v3/kv/range", R"({"key": "AA=="})");
    if (!ranged) return tl::unexpected(ranged.error());
    const std::string revision = text_at(Json::parse(*ranged, nullptr, false), "/header/revision"_json_pointer);
    if (revision.empty()) return fail("ask etcd for its revision: " + *ranged);
    const auto done = ask_etcd("/v3/kv/compaction", R"({"physical": true, "revision": ")" + revision + "\"}");
    if (!done) return tl::unexpected(done.error());
    return {};
}

Result<std::string> ApiServer::ask_etcd(const std::string& path, const std::string& request) const {
    const std::string url = std::string("http://") + kLoopback + ":" + std::to_string(etcd_port_);
    // kubectl is an HTTP client that is there anyway, in whichever namespace.
    const Answer answer = kubectl_as("/dev/null", {"--server", url, "create", "--raw", path, "-f", "-"}, request);
    if (answer.status != 0) return fail("ask etcd for " + path + ": " + answer.output);
    return answer.output;
}

} // namespace bulkhead::test
