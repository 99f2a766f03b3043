// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "kube_fixture.h"
#include "source/kube/base64.h"
#include "source/kube/server_url.h"

namespace bulkhead::source::kube {
namespace {

/// What the kubelet gives a pod, below a root of its own; as it was before at the end.
struct Pod {
    TemporaryDirectory root;

    Pod() {
        set("192.0.2.1", "443");
        root.write("var/run/secrets/kubernetes.io/serviceaccount/token", "abc\n");
        root.write("var/run/secrets/kubernetes.io/serviceaccount/ca.crt", certificate("ca"));
    }
    Pod(const Pod&) = delete;
    Pod& operator=(const Pod&) = delete;
    ~Pod() {
        ::unsetenv("KUBERNETES_SERVICE_HOST");
        ::unsetenv("KUBERNETES_SERVICE_PORT");
    }

    static void set(const char* host, const char* port) {
        ::setenv("KUBERNETES_SERVICE_HOST", host, 1);
        ::setenv("KUBERNETES_SERVICE_PORT", port, 1);
    }
    std::string at(const std::string& name) const {
        return root.at("var/run/secrets/kubernetes.io/serviceaccount/" + name).string();
    }
    std::string error() const {
        const auto access = in_cluster(root.path().string());
        return access ? "" : access.error().text;
    }
};

TEST_CASE("a pod knows its API server by the environment and its service account") {
    const Pod pod;
    const auto access = in_cluster(pod.root.path().string());
    REQUIRE(access);
    CHECK(access->server == "https://192.0.2.1:443");
    CHECK(access->ca == certificate("ca"));
    CHECK(access->token.file == pod.at("token"));
    CHECK(access->token.text.empty()); // it rotates
}

TEST_CASE("an IPv6 service address gets its brackets") {
    const Pod pod;
    Pod::set("fd00::1", "6443");
    const auto access = in_cluster(pod.root.path().string());
    REQUIRE(access);
    CHECK(access->server == "https://[fd00::1]:6443");
}

TEST_CASE("outside of a pod, and without its files, the reason is named") {
    const Pod pod;
    SECTION("no environment") {
        ::unsetenv("KUBERNETES_SERVICE_HOST");
        CHECK(contains(pod.error(), "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set"));
    }
    SECTION("no certificate authority") {
        std::filesystem::remove(pod.at("ca.crt"));
        CHECK(contains(pod.error(), pod.at("ca.crt") + " cannot be opened: No such file"));
    }
    SECTION("no token") {
        std::filesystem::remove(pod.at("token"));
        CHECK(contains(pod.error(), pod.at("token") + " cannot be opened: No such file"));
    }
    SECTION("an empty token") {
        pod.root.write("var/run/secrets/kubernetes.io/serviceaccount/token", " \n");
        CHECK(contains(pod.error(), pod.at("token") + " is empty"));
    }
}

TEST_CASE("base64 is RFC 4648's") {
    struct Row {
        std::string bytes;
        std::string text;
    };
    for (const auto& row : std::vector<Row>{{"", ""},
                                            {"f", "Zg=="},
                                            {"fo", "Zm8="},
                                            {"foo", "Zm9v"},
                                            {"foob", "Zm9vYg=="},
                                            {"fooba", "Zm9vYmE="},
                                            {"foobar", "Zm9vYmFy"},
                                            {"\xff\xfe\xfb", "//77"}}) {
        CHECK(to_base64(row.bytes) == row.text);
        CHECK(from_base64(row.text) == row.bytes);
    }
    CHECK(from_base64("Zm9v\nYmFy\r\n") == "foobar");
    for (const auto* wrong : {"Zg=", "Zg", "Z===", "Zm9v====", "Zm 9v", "Zm9_", "=Zg=", "Zg==Zg=="})
        CHECK(from_base64(wrong) == std::nullopt);
}

TEST_CASE("slashes at a server's end are dropped, its prefix is kept") {
    CHECK(check_server_url("https://a:1//") == "https://a:1");
    CHECK(check_server_url("https://[fd00::1]:6443/k8s/clusters/c-1") == "https://[fd00::1]:6443/k8s/clusters/c-1");
    CHECK_FALSE(check_server_url("https:///prefix"));
}

} // namespace
} // namespace bulkhead::source::kube
