// SPDX-License-Identifier: Apache-2.0
#include "support/api_server_files.h"

#include <unistd.h>

#include <atomic>
#include <fstream>

#include "support/process.h"

namespace bulkhead::test {

namespace {

namespace fs = std::filesystem;

const std::string kPrefix = "bht-api-";
constexpr const char* kDays = "7";
// The first address of the server's range for Services: what kubernetes.default.svc is in the cluster.
constexpr const char* kServiceAddress = "10.96.0.1";

/// "bht-api-<pid>-..." of a process that is no more: etcd's files are large.
void clear_after_the_dead(const fs::path& place) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(place, ignored)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(kPrefix)) continue;
        const std::string pid = name.substr(kPrefix.size(), name.find('-', kPrefix.size()) - kPrefix.size());
        if (!fs::exists(fs::path("/proc") / pid, ignored)) fs::remove_all(entry.path(), ignored);
    }
}

std::string in_quotes(const std::string& text) {
    return '"' + text + '"';
}

/// Of a path, URL or token: nothing in them needs more for YAML.
std::string entry(const std::string& key, const std::string& value) {
    return key + ": " + in_quotes(value);
}

} // namespace

Result<ApiServerFiles> ApiServerFiles::create(const std::string& address) {
    const fs::path place = fs::temp_directory_path();
    clear_after_the_dead(place);
    std::string name = place / (kPrefix + std::to_string(getpid()) + "-XXXXXX");
    if (!mkdtemp(name.data())) return fail("create a directory for the API server in " + place.string(), errno);
    ApiServerFiles files{fs::path(name)};
    if (auto made = files.make_certificates(address); !made) return tl::unexpected(made.error());
    return files;
}

ApiServerFiles::ApiServerFiles(ApiServerFiles&& other) noexcept : directory_(std::move(other.directory_)) {
    other.directory_.clear();
}

ApiServerFiles::~ApiServerFiles() {
    std::error_code ignored;
    if (!directory_.empty()) fs::remove_all(directory_, ignored);
}

Result<> ApiServerFiles::make_certificates(const std::string& address) const {
    // Nothing of this machine's openssl.cnf.
    if (auto done = write("openssl.cnf", "[req]\ndistinguished_name = subject\n[subject]\n"); !done) return done;
    const auto ca = run_command({"openssl",
                                 "req",
                                 "-x509",
                                 "-config",
                                 file("openssl.cnf"),
                                 "-newkey",
                                 "ec",
                                 "-pkeyopt",
                                 "ec_paramgen_curve:P-256",
                                 "-nodes",
                                 "-days",
                                 kDays,
                                 "-subj",
                                 "/CN=bulkhead-test-ca",
                                 "-addext",
                                 "basicConstraints=critical,CA:TRUE",
                                 "-addext",
                                 "keyUsage=critical,keyCertSign",
                                 "-keyout",
                                 file("ca.key"),
                                 "-out",
                                 this->ca()});
    if (!ca) return within("make a CA", ca.error());
    const std::string names = std::string("subjectAltName=IP:127.0.0.1,IP:") + kServiceAddress + ",IP:" + address +
                              ",DNS:localhost,DNS:kubernetes.default.svc";
    if (auto done = sign("server", "/CN=kube-apiserver", {names, "extendedKeyUsage=serverAuth"}); !done) return done;
    if (auto done = sign("admin", "/O=system:masters/CN=admin", {"extendedKeyUsage=clientAuth"}); !done) return done;
    const auto key = run_command({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                                  "-out", file("service-accounts.key")});
    if (!key) return within("make a key for service accounts' tokens", key.error());
    const auto half = run_command(
        {"openssl", "pkey", "-in", file("service-accounts.key"), "-pubout", "-out", file("service-accounts.pub")});
    if (!half) return within("make a key for service accounts' tokens", half.error());
    return {};
}

Result<> ApiServerFiles::sign(const std::string& name, const std::string& subject,
                              const std::vector<std::string>& extensions) const {
    std::vector<std::string> words{"openssl",
                                   "req",
                                   "-x509",
                                   "-config",
                                   file("openssl.cnf"),
                                   "-CA",
                                   ca(),
                                   "-CAkey",
                                   file("ca.key"),
                                   "-newkey",
                                   "ec",
                                   "-pkeyopt",
                                   "ec_paramgen_curve:P-256",
                                   "-nodes",
                                   "-days",
                                   kDays,
                                   "-subj",
                                   subject,
                                   "-keyout",
                                   file(name + ".key"),
                                   "-out",
                                   file(name + ".crt"),
                                   "-addext",
                                   "basicConstraints=critical,CA:FALSE",
                                   "-addext",
                                   "keyUsage=critical,digitalSignature"};
    for (const std::string& extension : extensions)
        words.insert(words.end(), {"-addext", extension});
    const auto made = run_command(words);
    if (!made) return within("make a certificate for " + name, made.error());
    return {};
}

Result<> ApiServerFiles::write_users(const std::vector<ApiUser>& users) const {
    std::string text;
    for (const ApiUser& user : users) {
        std::string groups;
        for (const std::string& group : user.groups)
            groups += (groups.empty() ? "" : ",") + group;
        text += user.token + "," + user.name + "," + user.name + "," + in_quotes(groups) + "\n";
    }
    return write("users.csv", text);
}

Result<fs::path> ApiServerFiles::write_admin_kubeconfig(const std::string& url) const {
    return write_kubeconfig(url, entry("client-certificate", file("admin.crt")) + ", " +
                                     entry("client-key", file("admin.key")));
}

Result<fs::path> ApiServerFiles::write_token_kubeconfig(const std::string& url, const std::string& token) const {
    return write_kubeconfig(url, entry("token", token));
}

Result<fs::path> ApiServerFiles::write_kubeconfig(const std::string& url, const std::string& credentials) const {
    static std::atomic<int> written{0};
    const std::string name = "kubeconfig-" + std::to_string(++written);
    const std::string text = "apiVersion: v1\nkind: Config\nclusters: [{name: test, cluster: {" + entry("server", url) +
                             ", " + entry("certificate-authority", ca()) + "}}]\nusers: [{name: test, user: {" +
                             credentials + "}}]\ncontexts: [{name: test, context: {cluster: test, user: test}}]\n" +
                             "current-context: test\n";
    if (auto done = write(name, text); !done) return tl::unexpected(done.error());
    return file(name);
}

Result<> ApiServerFiles::write(const std::string& name, const std::string& text) const {
    std::ofstream out(file(name), std::ios::binary);
    out << text;
    out.close();
    return out ? Result<>() : fail("write " + file(name).string(), errno);
}

} // namespace bulkhead::test
