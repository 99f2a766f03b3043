// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "kube_fixture.h"
#include "source/kube/base64.h"
#include "source/kube/exec_plugin.h"

namespace bulkhead::source::kube {
namespace {

const std::string kGood = credential(R"("token":"abc")");

/// Runs one plugin to its outcome, as an event loop does.
struct Runner {
    TemporaryDirectory directory;
    Fd epoll = new_epoll();
    PluginLimits limits{};
    int turns = 0;

    Result<ExecCredential> run(const Access& access) {
        auto plugin = ExecPlugin::start(access, epoll.get(), limits);
        if (!plugin) return tl::unexpected(plugin.error());
        const auto deadline = test::after(20s);
        while (readable(epoll.get(), deadline)) {
            ++turns;
            if (auto outcome = (*plugin)->work()) return std::move(*outcome);
        }
        return fail("nothing happened for 20 s");
    }
    Result<ExecCredential> run_script(const std::string& commands) {
        return run(with_plugin(script(directory, "plugin", commands)));
    }
    std::string error_of(const std::string& commands) {
        const auto result = run_script(commands);
        return result ? "" : result.error().text;
    }
    std::string read(const std::string& name) const {
        std::ifstream file(directory.at(name));
        return {std::istreambuf_iterator<char>(file), {}};
    }
    bool appears(const std::string& name) const {
        return test::wait_until([&] { return !read(name).empty(); }, test::after(10s));
    }
};

/// Of lines like "SigIgn:\t0000000000000800" (proc(5)).
bool has_signal(const std::string& lines, const std::string& which, int number) {
    const auto at = lines.find(which);
    REQUIRE(at != std::string::npos);
    return (std::stoull(lines.substr(at + which.size() + 1), nullptr, 16) >> (number - 1) & 1) != 0;
}

TEST_CASE("a plugin's token is taken, with its expiry") {
    Runner r;
    const auto got = r.run_script(print(credential(R"("token":"abc","expirationTimestamp":"2026-06-01T12:00:00Z")")));
    REQUIRE(got);
    CHECK(got->token == "abc");
    CHECK(got->certificate.empty());
    CHECK(got->expires == std::chrono::sys_days(std::chrono::year(2026) / 6 / 1) + 12h);
}

TEST_CASE("a plugin's certificate and key are taken, and needn't expire") {
    Runner r;
    const auto got = r.run_script("cat <<'E'\n" +
                                  credential(R"("clientCertificateData":"-----BEGIN CERTIFICATE-----\nx\n)"
                                             R"(-----END CERTIFICATE-----\n","clientKeyData":)"
                                             R"("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n")") +
                                  "\nE\n");
    REQUIRE(got);
    CHECK(got->certificate == certificate("x"));
    CHECK(got->key == private_key("x"));
    CHECK_FALSE(got->expires);
}

TEST_CASE("v1beta1 is spoken too, but not by a plugin that was to speak v1") {
    Runner r;
    const auto beta = "client.authentication.k8s.io/v1beta1";
    const auto command = script(r.directory, "plugin", print(credential(R"("token":"abc")", beta)));
    CHECK(r.run(with_plugin(command, beta)));
    const auto wrong = r.run(with_plugin(command, kV1));
    REQUIRE_FALSE(wrong);
    CHECK(contains(wrong.error().text, "apiVersion is \"client.authentication.k8s.io/v1beta1\", but the kubeconfig "
                                       "says that it speaks client.authentication.k8s.io/v1"));
}

TEST_CASE("a plugin gets its arguments, and its environment over ours") {
    Runner r;
    ::setenv("BULKHEAD_TEST_OURS", "ours", 1);
    ::setenv("BULKHEAD_TEST_BOTH", "ours", 1);
    auto access = with_plugin(script(
        r.directory, "plugin", "echo \"$1|$2|$BULKHEAD_TEST_OURS|$BULKHEAD_TEST_BOTH\" > \"$OUT\"\n" + print(kGood)));
    access.exec->arguments = {"a b", ""};
    access.exec->environment = {{"OUT", r.directory.at("out").string()}, {"BULKHEAD_TEST_BOTH", "theirs"}};
    CHECK(r.run(access));
    CHECK(r.read("out") == "a b||ours|theirs\n");
    ::unsetenv("BULKHEAD_TEST_OURS");
    ::unsetenv("BULKHEAD_TEST_BOTH");
}

TEST_CASE("a command without a slash is found by PATH") {
    Runner r;
    script(r.directory, "bulkhead-test-plugin", print(kGood));
    const std::string before = ::getenv("PATH");
    ::setenv("PATH", (r.directory.path().string() + ":" + before).c_str(), 1);
    CHECK(r.run(with_plugin("bulkhead-test-plugin")));
    ::setenv("PATH", before.c_str(), 1);
    CHECK_FALSE(r.run(with_plugin("bulkhead-test-plugin")));
}

TEST_CASE("KUBERNETES_EXEC_INFO names the version, and the cluster only where that is asked for") {
    Runner r;
    const auto command =
        script(r.directory, "plugin", "printf %s \"$KUBERNETES_EXEC_INFO\" > \"$0.info\"\n" + print(kGood));
    auto access = with_plugin(command);
    access.ca = certificate("ca");
    access.server_name = "inside.example";
    access.proxy = "http://192.0.2.9";
    access.exec->cluster_config = R"({"audience":"a"})";
    REQUIRE(r.run(access));
    auto info = nlohmann::json::parse(r.read("plugin.info"));
    CHECK(info == nlohmann::json{{"apiVersion", kV1}, {"kind", "ExecCredential"}, {"spec", {{"interactive", false}}}});
    access.exec->provide_cluster = true;
    REQUIRE(r.run(access));
    info = nlohmann::json::parse(r.read("plugin.info"));
    CHECK(info["spec"]["cluster"] == nlohmann::json{{"server", "https://192.0.2.1:6443"},
                                                    {"tls-server-name", "inside.example"},
                                                    {"certificate-authority-data", to_base64(certificate("ca"))},
                                                    {"proxy-url", "http://192.0.2.9"},
                                                    {"config", {{"audience", "a"}}}});
}

TEST_CASE("a plugin has nothing to read, none of our files, and signals as a program expects them") {
    Runner r;
    const Fd ours(::open("/dev/null", O_RDONLY)); // without CLOEXEC
    sigset_t usr1, before;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, &before);
    const auto ignored = std::signal(SIGUSR2, SIG_IGN);
    CHECK(r.run_script("if read -r line; then exit 1; fi\n"
                       "for fd in /proc/$$/fd/*; do readlink \"$fd\"; done > \"$0.fds\"\n"
                       "grep Sig /proc/self/status > \"$0.signals\"\n" +
                       print(kGood)));
    std::signal(SIGUSR2, ignored);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    const auto files = r.read("plugin.fds");
    CHECK(contains(files, "/dev/null\n"));
    CHECK(files.find("/dev/null") == files.rfind("/dev/null"));
    CHECK_FALSE(contains(files, "eventpoll"));
    CHECK_FALSE(has_signal(r.read("plugin.signals"), "SigBlk", SIGUSR1));
    CHECK_FALSE(has_signal(r.read("plugin.signals"), "SigIgn", SIGUSR2));
}

TEST_CASE("a plugin that can't be run is told with its hint") {
    Runner r;
    auto access = with_plugin("bulkhead-no-such-plugin");
    access.exec->install_hint = "Get it\nat example.com.";
    const auto missing = r.run(access);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().text ==
          "run exec plugin bulkhead-no-such-plugin: No such file or directory: Get it at example.com.");
    r.directory.write("plain", "text");
    const auto plain = r.run(with_plugin(r.directory.at("plain").string()));
    REQUIRE_FALSE(plain);
    CHECK(contains(plain.error().text, "Permission denied"));
}

TEST_CASE("a plugin that fails is told with its end and what it said last") {
    Runner r;
    CHECK(contains(r.error_of("echo 'please' >&2; echo 'log in' >&2; exit 3"),
                   "plugin failed with exit status 3: please log in"));
    CHECK(contains(r.error_of("kill -TERM $$"), "plugin was killed by signal 15"));
    r.limits.errors = 20;
    const auto error = r.error_of("for i in 1 2 3 4 5 6 7 8 9; do echo \"line $i\" >&2; done; exit 1");
    CHECK(contains(error, "line 9"));
    CHECK_FALSE(contains(error, "line 5"));
}

TEST_CASE("what is no credential is refused, without quoting it") {
    struct Row {
        std::string printed;
        std::string expected;
    };
    const std::vector<Row> rows{
        {"", "printed nothing"},
        {"token: 7531", "printed no JSON object"},
        {R"(["7531"])", "printed no JSON object"},
        {R"({"token":"7531")", "printed no JSON object"},
        {kGood + " 7531", "printed no JSON object: "},
        {R"({"status":{"token":"7531"}})", "has no apiVersion"},
        {R"({"apiVersion":"v1","kind":"Config","status":{"token":"7531"}})", "apiVersion is \"v1\", but"},
        {R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"Pod","status":{"token":"7531"}})",
         "kind \"Pod\" is no ExecCredential"},
        {R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential"})", "has no status"},
        {R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":7531})",
         "status is not an object"},
        {credential(""), "status has neither a token nor a certificate"},
        {credential(R"("token":"")"), "status has neither a token nor a certificate"},
        {credential(R"("token":7531)"), "status.token is not a string"},
        {credential(R"("token":"7531\r\nX: y")"), "status.token is no token"},
        {credential(R"("clientKeyData":"7531")"), "status.clientKeyData has no PEM private key"},
        {credential(R"("token":"7531","expirationTimestamp":"tomorrow")"), "status.expirationTimestamp \"tomorrow\""},
    };
    for (const auto& row : rows) {
        INFO(row.printed);
        const auto got = read_exec_credential(row.printed, kV1);
        REQUIRE_FALSE(got);
        INFO(got.error().text);
        CHECK(contains(got.error().text, row.expected));
        CHECK_FALSE(contains(got.error().text, "7531"));
    }
    const auto half = read_exec_credential(
        credential(R"("clientKeyData":"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----")"), kV1);
    REQUIRE_FALSE(half);
    CHECK(contains(half.error().text, "status has a certificate or a key, but not both"));
}

TEST_CASE("a plugin that hangs is killed at its deadline, with whatever it started") {
    const Adoption adoption;
    Runner r;
    r.limits.deadline = 200ms;
    const auto error = r.error_of("echo $$ > \"$0.pid\"\necho 'waiting for a browser' >&2\nsleep 1000 &\nwait\n");
    CHECK(contains(error, "gave no answer within 200 ms: waiting for a browser"));
    CHECK(Adoption::ended(std::stoi(r.read("plugin.pid"))));
}

TEST_CASE("a plugin that is no longer wanted is killed") {
    const Adoption adoption;
    Runner r;
    auto plugin = ExecPlugin::start(with_plugin(script(r.directory, "plugin", "echo $$ > \"$0.pid\"; sleep 1000")),
                                    r.epoll.get());
    REQUIRE(plugin);
    REQUIRE(r.appears("plugin.pid"));
    plugin->reset();
    CHECK(Adoption::ended(std::stoi(r.read("plugin.pid"))));
    CHECK_FALSE(readable(r.epoll.get(), test::after(0s))); // nothing of it is listened to any more
}

TEST_CASE("a plugin may leave a helper behind that keeps its output open") {
    const Adoption adoption;
    Runner r;
    CHECK(r.run_script(print(kGood) + "sleep 1000 & echo $! > \"$0.helper\"\n"));
    const auto helper = std::stoi(r.read("plugin.helper"));
    CHECK(::kill(helper, SIGKILL) == 0); // it lives
    CHECK(::waitpid(helper, nullptr, 0) == helper);
}

TEST_CASE("a plugin that closes its output and goes on is waited for without spinning") {
    Runner r;
    CHECK(r.run_script(print(kGood) + "exec >&- 2>&-; read -r line < \"$0\"; sleep 0.2"));
    CHECK(r.turns < 10);
}

TEST_CASE("a plugin that prints without end is stopped") {
    Runner r;
    CHECK(contains(r.error_of("cat /dev/zero"), "printed more than 256 KiB"));
    CHECK(contains(r.error_of("cat /dev/zero & sleep 1000"), "printed more than 256 KiB"));
}

TEST_CASE("an answer larger than a pipe arrives whole") {
    Runner r;
    const std::string token(200'000, 'a');
    r.directory.write("answer", credential("\"token\":\"" + token + "\""));
    const auto got = r.run_script("cat \"$(dirname \"$0\")/answer\"");
    REQUIRE(got);
    CHECK(got->token == token);
}

} // namespace
} // namespace bulkhead::source::kube
