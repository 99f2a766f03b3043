// SPDX-License-Identifier: Apache-2.0
#include "kube_fixture.h"
#include "source/kube/base64.h"

namespace bulkhead::source::kube {
namespace {

/// A folder with a kubeconfig in it, and a way to read that.
struct Folder {
    TemporaryDirectory directory;

    Result<Access> read(const std::string& text, const std::string& context = "") {
        directory.write("config", text);
        return read_kubeconfig(directory.at("config").string(), context);
    }
    std::string at(const std::string& name) const { return directory.at(name).string(); }
};

/// One context; `cluster` and `user` are the insides of flow mappings, on lines 5 and 6.
std::string config(const std::string& cluster, const std::string& user) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
           "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
           "clusters: [{name: k, cluster: {" +
           cluster + "}}]\nusers: [{name: u, user: {" + user + "}}]\n";
}

const std::string kServer = "server: 'https://192.0.2.1:6443'";

std::string exec(const std::string& rest) {
    return "exec: {apiVersion: client.authentication.k8s.io/v1, command: get, interactiveMode: Never, " + rest + "}";
}

TEST_CASE("a kubeconfig says where the server is, how to know it, and who we are") {
    Folder f;
    const auto access = f.read(config("server: 'https://k.example:6443/prefix/', tls-server-name: inside.example, "
                                      "proxy-url: 'socks5://192.0.2.9:1080', disable-compression: true, "
                                      "certificate-authority-data: " +
                                          to_base64(certificate("ca")),
                                      "client-certificate-data: " + to_base64(certificate("me")) +
                                          ", client-key-data: " + to_base64(private_key("me"))));
    REQUIRE(access);
    CHECK(access->origin == "context c of " + f.at("config"));
    CHECK(access->server == "https://k.example:6443/prefix");
    CHECK(access->server_name == "inside.example");
    CHECK(access->proxy == "socks5://192.0.2.9:1080");
    CHECK_FALSE(access->compression);
    CHECK_FALSE(access->insecure);
    CHECK(access->ca == certificate("ca"));
    CHECK(access->certificate.text == certificate("me"));
    CHECK(access->key.text == private_key("me"));
    CHECK_FALSE(access->token.given());
    CHECK(access->remarks.empty());
}

TEST_CASE("a kubeconfig may be JSON") {
    Folder f;
    const auto access = f.read(R"({"kind":"Config","apiVersion":"v1","current-context":"c",
        "contexts":[{"name":"c","context":{"cluster":"k","user":"u","namespace":"blog"}}],
        "clusters":[{"name":"k","cluster":{"server":"https://192.0.2.1","insecure-skip-tls-verify":true}}],
        "users":[{"name":"u","user":{"token":"abc"}}]})");
    REQUIRE(access);
    CHECK(access->server == "https://192.0.2.1");
    CHECK(access->insecure);
    CHECK(access->token.text == "abc");
}

TEST_CASE("a context is taken by name, else the current one, and only what it needs has to be right") {
    const std::string two = "current-context: a\n"
                            "contexts: [{name: a, context: {cluster: a, user: a}}, "
                            "{name: b, context: {cluster: b, user: b}}]\n"
                            "clusters: [{name: a, cluster: {server: 'https://a'}}, "
                            "{name: b, cluster: {server: 'https://b'}}, {name: z, cluster: {server: nonsense}}]\n"
                            "users: [{name: a, user: {token: ta}}, {name: b, user: {token: tb}}, "
                            "{name: z, user: {auth-provider: {name: gcp}}}]\n";
    Folder f;
    CHECK(f.read(two)->token.text == "ta");
    CHECK(f.read(two, "b")->token.text == "tb");
    CHECK(f.read(two, "b")->server == "https://b");
}

TEST_CASE("relative paths are relative to the kubeconfig, and a command without a slash is left to PATH") {
    Folder f;
    f.directory.write("pki/ca.crt", certificate("ca"));
    f.directory.write("pki/me.crt", certificate("me"));
    f.directory.write("pki/me.key", private_key("me"));
    f.directory.write("token", "abc\n");
    const auto files = f.read(config(kServer + ", certificate-authority: pki/ca.crt",
                                     "client-certificate: pki/me.crt, client-key: ./pki/me.key, tokenFile: token"));
    REQUIRE(files);
    CHECK(files->ca == certificate("ca"));
    CHECK(files->certificate.file == f.at("pki/me.crt"));
    CHECK(files->key.file == f.at("./pki/me.key"));
    CHECK(files->token.file == f.at("token"));
    CHECK(f.read(config(kServer, exec("args: []")))->exec->command == "get");
    const auto near =
        f.read(config(kServer, "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./get}"));
    REQUIRE(near);
    CHECK(near->exec->command == f.at("./get"));
}

TEST_CASE("data override files, with a remark, even files that aren't there") {
    Folder f;
    const auto access = f.read(config(
        kServer + ", certificate-authority: nowhere, certificate-authority-data: " + to_base64(certificate("ca")),
        "client-certificate: nowhere, client-certificate-data: " + to_base64(certificate("me")) +
            ", client-key: nowhere, client-key-data: " + to_base64(private_key("me"))));
    REQUIRE(access);
    CHECK(access->ca == certificate("ca"));
    CHECK(access->certificate.text == certificate("me"));
    CHECK(access->certificate.file.empty());
    CHECK(access->key.text == private_key("me"));
    REQUIRE(access->remarks.size() == 3);
    CHECK(access->remarks[0] == f.at("config") + ":6 users[0].user.client-certificate: is not used: "
                                                 "users[0].user.client-certificate-data overrides it");
}

TEST_CASE("a token and a token file are both kept, and then the file may be missing for now") {
    Folder f;
    const auto access = f.read(config(kServer, "token: abc, tokenFile: later"));
    REQUIRE(access);
    CHECK(access->token.text == "abc");
    CHECK(access->token.file == f.at("later"));
    REQUIRE(access->remarks.size() == 1);
    CHECK(contains(access->remarks[0], "cannot be opened: No such file"));
}

TEST_CASE("an exec section says all that a plugin needs to know") {
    Folder f;
    const auto access = f.read(
        config(kServer + ", extensions: [{name: other, extension: 1}, {name: client.authentication.k8s.io/exec, "
                         "extension: {audience: a, n: [1, true, 0.5, null]}}]",
               exec("args: [token, '--cluster=x'], env: [{name: AWS_PROFILE, value: prod}, {name: EMPTY, value: ''}], "
                    "installHint: see the wiki, provideClusterInfo: true")));
    REQUIRE(access);
    const auto& plugin = *access->exec;
    CHECK(plugin.command == "get");
    CHECK(plugin.arguments == std::vector<std::string>{"token", "--cluster=x"});
    CHECK(plugin.environment ==
          std::vector<std::pair<std::string, std::string>>{{"AWS_PROFILE", "prod"}, {"EMPTY", ""}});
    CHECK(plugin.api_version == kV1);
    CHECK(plugin.install_hint == "see the wiki");
    CHECK(plugin.provide_cluster);
    CHECK(plugin.cluster_config == R"({"audience":"a","n":[1,true,0.5,null]})");
}

TEST_CASE("whoever has a credential without the plugin doesn't need it") {
    Folder f;
    for (const std::string other : {"token: abc", "username: a, password: b"}) {
        INFO(other);
        const auto access = f.read(config(kServer, other + ", " + exec("args: []")));
        REQUIRE(access);
        CHECK_FALSE(access->exec);
        REQUIRE(access->remarks.size() == 1);
        CHECK(contains(access->remarks[0], "users[0].user.exec: is not used"));
    }
}

TEST_CASE("a user may have a password, act as somebody else, or be nobody") {
    Folder f;
    const auto basic = f.read(config(kServer, "username: me, password: secret"));
    REQUIRE(basic);
    CHECK(basic->username == "me");
    CHECK(basic->password == "secret");
    const auto other = f.read(config(kServer, "token: abc, as: jane, as-uid: '7', as-groups: [dev, ops]"));
    REQUIRE(other);
    REQUIRE(other->impersonation);
    CHECK(other->impersonation->user == "jane");
    CHECK(other->impersonation->uid == "7");
    CHECK(other->impersonation->groups == std::vector<std::string>{"dev", "ops"});
    const auto nobody = f.read(config("server: 'http://127.0.0.1:8001'", ""));
    REQUIRE(nobody);
    CHECK_FALSE(nobody->token.given());
    CHECK_FALSE(nobody->impersonation);
}

TEST_CASE("what is wrong with a kubeconfig is said with its place and its reason") {
    Folder f;
    f.directory.write("empty", "\n");
    f.directory.write("not-pem", "hello");
    struct Row {
        std::string text;
        std::string expected;
    };
    const std::string cluster = ":5 clusters[0].cluster", user = ":6 users[0].user";
    const auto data = to_base64("no PEM");
    const std::vector<Row> rows{
        {"", "is empty"},
        {"a: [", ":1: "},
        {"a: 1\n---\nb: 2", "has several documents"},
        {"just text", "is not an object"},
        {"kind: Pod", ":1 kind: \"Pod\" is no kubeconfig"},
        {"kind: Config", "has no current-context"},
        {"current-context: c\ncontexts: []", ":2 contexts: has none called \"c\""},
        {"current-context: c", "contexts: has none called \"c\""},
        {"current-context: 5", ":1 current-context: 5 is not a string"},
        {"current-context: c\ncontexts: [{name: c, context: {cluster: k}}]", ":2 contexts[0].context: names no user"},
        {"current-context: c\ncontexts: [{name: c, context: {user: u}}]", ":2 contexts[0].context: names no cluster"},
        {"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\nclusters: []\nusers: []",
         ":4 users: has none called \"u\""},
        {"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\nclusters: []\nusers: []",
         ":3 clusters: has none called \"k\""},
        {"current-context: c\ncontexts:\n- {name: c, context: {cluster: k, user: u}}\n- {name: c}",
         ":4 contexts[1].name: \"c\" is there more than once"},
        {config("", ""), cluster + ": has no server"},
        {config("server: '192.0.2.1:6443'", ""), cluster + ".server: is not a URL like https://"},
        {config("server: 'ftp://a'", ""), cluster + ".server: is not a URL like https://"},
        {config("server: 'https://'", ""), cluster + ".server: is not a URL like https://"},
        {config("server: 'https://:6443'", ""), cluster + ".server: has no host"},
        {config("server: 'https://a b'", ""), cluster + ".server: has characters that no URL has"},
        {config("server: 'https://me:pw@a'", ""), cluster + ".server: has credentials in the URL"},
        {config("server: 'https://a?x=1'", ""), cluster + ".server: has a query"},
        {config("server: 'http://a'", "token: abc"), cluster + ".server: would send the user's credentials without"},
        {config("server: 'http://a'", "username: a"), cluster + ".server: would send the user's credentials without"},
        {config("server: 'http://a'", exec("args: []")), cluster + ".server: would send the user's credentials"},
        {config(kServer + ", proxy-url: 'ftp://a'", ""), cluster + ".proxy-url: is not a URL that begins with"},
        {config(kServer + ", certificate-authority-data: '%'", ""),
         cluster + ".certificate-authority-data: is not base64"},
        {config(kServer + ", certificate-authority-data: " + data, ""),
         ".certificate-authority-data: has no PEM certificate"},
        {config(kServer + ", certificate-authority: nowhere", ""), f.at("nowhere") + " cannot be opened: No such file"},
        {config(kServer + ", certificate-authority: not-pem", ""), f.at("not-pem") + " has no PEM certificate"},
        {config(kServer +
                    ", insecure-skip-tls-verify: true, certificate-authority-data: " + to_base64(certificate("a")),
                ""),
         cluster + ".insecure-skip-tls-verify: contradicts a certificate authority"},
        {config(kServer + ", insecure-skip-tls-verify: 'true'", ""), "\"true\" is neither true nor false"},
        {config(kServer, "client-certificate-data: " + to_base64(certificate("a"))),
         user + ": has a client certificate, but no key"},
        {config(kServer, "client-key-data: " + to_base64(private_key("a"))),
         user + ": has a client key, but no certificate"},
        {config(kServer, "client-key-data: " + data), user + ".client-key-data: has no PEM private key"},
        {config(kServer, "client-certificate: nowhere, client-key: nowhere"), user + ".client-key: " + f.at("nowhere")},
        {config(kServer, "tokenFile: nowhere"), user + ".tokenFile: " + f.at("nowhere") + " cannot be opened"},
        {config(kServer, "tokenFile: empty"), user + ".tokenFile: " + f.at("empty") + " is empty"},
        {config(kServer, "tokenFile: ."), user + ".tokenFile: " + f.at(".") + " is not a regular file"},
        {config(kServer, "token: \"a\\nX-Other: b\""), user + ".token: is no token"},
        {config(kServer, "token: abc, username: me"), user + ": has both a token and a username"},
        {config(kServer, "password: abc"), user + ".password: has no username"},
        {config(kServer, "auth-provider: {name: gcp}"), user + ".auth-provider: is not supported"},
        {config(kServer, "auth-provider: {name: gcp}"), "give the user an exec section instead"},
        {config(kServer, "token: abc, as-groups: [a]"), user + ": impersonates a uid or groups, but no user"},
        {config(kServer, "token: abc, as: a, as-user-extra: {a: [b]}"), user + ".as-user-extra: is not supported"},
        {config(kServer, "token: abc, as: \"a\\nb\""), user + ".as: or its uid or groups have control characters"},
        {config(kServer, "exec: {apiVersion: client.authentication.k8s.io/v1beta1}"), user + ".exec: has no command"},
        {config(kServer, "exec: {command: get}"), user + ".exec: has no apiVersion"},
        {config(kServer, "exec: {command: get, apiVersion: client.authentication.k8s.io/v1alpha1}"),
         "was removed from Kubernetes in 1.24"},
        {config(kServer, "exec: {command: get, apiVersion: v1}"), user + ".exec.apiVersion: \"v1\" is neither"},
        {config(kServer, "exec: {command: get, apiVersion: client.authentication.k8s.io/v1}"),
         user + ".exec: has no interactiveMode"},
        {config(kServer, "exec: {command: get, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}"),
         "no terminal"},
        {config(kServer, "exec: {command: get, apiVersion: client.authentication.k8s.io/v1, interactiveMode: never}"),
         "is none of Never"},
        {config(kServer, exec("env: [{value: x}]")), user + ".exec.env[0]: has no name"},
        {config(kServer, exec("args: text")), user + ".exec.args: \"text\" is not a list"},
    };
    for (const auto& row : rows) {
        INFO(row.text);
        const auto access = f.read(row.text);
        REQUIRE_FALSE(access);
        INFO(access.error().text);
        CHECK(access.error().text.starts_with("read kubeconfig: " + f.at("config")));
        CHECK(contains(access.error().text, row.expected));
    }
}

TEST_CASE("all mistakes of a kubeconfig are told at once") {
    Folder f;
    const auto access = f.read(config("server: 'https://:1', proxy-url: x", "tokenFile: nowhere, auth-provider: {}"));
    REQUIRE_FALSE(access);
    for (const auto* field : {".server: ", ".proxy-url: ", ".tokenFile: ", ".auth-provider: "})
        CHECK(contains(access.error().text, field));
}

TEST_CASE("a kubeconfig that isn't there, and a context that isn't in it, are named") {
    Folder f;
    const auto nowhere = read_kubeconfig(f.at("nowhere"));
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().text ==
          "read kubeconfig: " + f.at("nowhere") + " cannot be opened: No such file or directory");
    const auto other = f.read(config(kServer, ""), "prod");
    REQUIRE_FALSE(other);
    CHECK(contains(other.error().text, "contexts: has none called \"prod\""));
}

TEST_CASE("no message quotes a secret") {
    Folder f;
    for (const std::string user :
         {"token: 7531", "token: \"7531\\n\"", "username: a, password: 7531",
          "client-key-data: 7531, client-certificate-data: '7531'", "client-key-data: '7531!'"}) {
        INFO(user);
        const auto access = f.read(config(kServer, user));
        REQUIRE_FALSE(access);
        CHECK_FALSE(contains(access.error().text, "7531"));
    }
}

} // namespace
} // namespace bulkhead::source::kube
