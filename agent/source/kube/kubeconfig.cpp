// SPDX-License-Identifier: Apache-2.0
//
// kubeconfig v1 -> Access. One pass, that finds every mistake of the context's user and cluster.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "source/field.h"
#include "source/kube/access.h"
#include "source/kube/base64.h"
#include "source/kube/secret.h"
#include "source/kube/server_url.h"
#include "source/reader.h"
#include "source/text_file.h"

namespace bulkhead::source::kube {

namespace {

constexpr std::string_view kExecGroup = "client.authentication.k8s.io/";
constexpr std::string_view kExecExtension = "client.authentication.k8s.io/exec"; // of a cluster, for plugins

/// An empty string is as good as none, as in client-go.
std::string text_of(const Field& field) {
    return field.string().value_or("");
}

nlohmann::json to_json(const Value& value) {
    if (const auto* truth = value.boolean()) return *truth;
    if (const auto* number = value.integer()) return *number;
    if (const auto* fraction = std::get_if<double>(&value.content)) return *fraction;
    if (const auto* text = value.string()) return *text;
    auto json = nlohmann::json();
    if (const auto* items = value.array()) {
        json = nlohmann::json::array();
        for (const auto& item : *items)
            json.push_back(to_json(item));
    } else if (const auto* members = value.object()) {
        json = nlohmann::json::object();
        for (const auto& member : *members)
            json[member.key] = to_json(member.value);
    }
    return json;
}

/// Calls `use(entry[body])` for the one called `name` of a list of {name, body}.
template <typename Use>
void with_entry(const Field& list, const std::string& name, std::string_view body, Use use) {
    size_t found = 0;
    list.each([&](const Field& entry) {
        const auto called = entry["name"];
        if (!called.present() || called.value().string() == nullptr || *called.value().string() != name) return;
        if (++found > 1) return called.complain("\"" + name + "\" is there more than once");
        const auto named = entry[body];
        use(named);
    });
    if (found == 0) list.complain("has none called \"" + name + "\"");
}

class KubeconfigReader {
public:
    explicit KubeconfigReader(const std::string& path) : folder_(std::filesystem::absolute(path).parent_path()) {}

    Access read(const Field& root, const std::string& wanted) {
        const auto current = root["current-context"], contexts = root["contexts"];
        const auto name = wanted.empty() ? text_of(current) : wanted;
        if (name.empty()) {
            root.complain("has no current-context, and no context was asked for by name");
            return {};
        }
        access_.origin = "context " + name;
        with_entry(contexts, name, "context", [&](const Field& context) { read_context(root, context); });
        return std::move(access_);
    }

private:
    void read_context(const Field& root, const Field& context) {
        const auto user = context["user"], cluster = context["cluster"];
        const auto users = root["users"], clusters = root["clusters"];
        if (text_of(user).empty()) context.complain("names no user");
        if (text_of(cluster).empty()) context.complain("names no cluster");
        if (text_of(user).empty() || text_of(cluster).empty()) return;
        with_entry(users, text_of(user), "user", [&](const Field& entry) { read_user(entry); });
        with_entry(clusters, text_of(cluster), "cluster", [&](const Field& entry) { read_cluster(entry); });
    }

    void read_cluster(const Field& cluster) {
        read_server(cluster);
        const auto authority_data = cluster["certificate-authority-data"], authority = cluster["certificate-authority"];
        const auto insecure = cluster["insecure-skip-tls-verify"], name = cluster["tls-server-name"];
        const auto proxy = cluster["proxy-url"], uncompressed = cluster["disable-compression"];
        const auto ca = read_pem(authority_data, authority, check_certificates);
        access_.ca = contents_of(ca);
        access_.ca_file = ca.file;
        access_.insecure = insecure.boolean().value_or(false);
        access_.server_name = text_of(name);
        access_.compression = !uncompressed.boolean().value_or(false);
        if (access_.insecure && !access_.ca.empty())
            insecure.complain("contradicts a certificate authority: leave out one of them");
        if (const auto url = text_of(proxy); !url.empty()) access_.proxy = checked(proxy, check_proxy_url(url));
        if (access_.exec) read_extensions(cluster);
    }

    void read_server(const Field& cluster) {
        const auto server = cluster["server"];
        const auto url = text_of(server);
        if (url.empty()) return cluster.complain("has no server");
        access_.server = checked(server, check_server_url(url));
        if (!access_.server.empty() && !is_encrypted(access_.server) && has_credentials())
            server.complain("would send the user's credentials without encryption: use https://");
    }

    bool has_credentials() const {
        return access_.certificate.given() || access_.token.given() || !access_.username.empty() ||
               access_.exec.has_value();
    }

    void read_extensions(const Field& cluster) {
        const auto extensions = cluster["extensions"];
        extensions.each([&](const Field& entry) {
            const auto name = entry["name"], extension = entry["extension"];
            if (text_of(name) != kExecExtension || !extension.present()) return;
            access_.exec->cluster_config =
                to_json(extension.value()).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        });
    }

    void read_user(const Field& user) {
        const auto provider = user["auth-provider"];
        if (provider.present())
            provider.complain("is not supported: kubectl dropped the clouds' auth-providers in favour of exec plugins; "
                              "give the user an exec section instead");
        read_certificate(user);
        read_token(user);
        read_password(user);
        read_impersonation(user);
        const auto exec = user["exec"];
        if (!exec.present()) return;
        if (has_credentials()) return exec.remark("is not used: the user has a credential without it");
        read_exec(exec);
    }

    void read_certificate(const Field& user) {
        const auto certificate_data = user["client-certificate-data"], certificate = user["client-certificate"];
        const auto key_data = user["client-key-data"], key = user["client-key"];
        access_.certificate = read_pem(certificate_data, certificate, check_certificates);
        access_.key = read_pem(key_data, key, check_private_key);
        const bool wants_certificate = certificate_data.present() || certificate.present();
        const bool wants_key = key_data.present() || key.present();
        if (wants_certificate && !wants_key) user.complain("has a client certificate, but no key for it (client-key)");
        if (wants_key && !wants_certificate) user.complain("has a client key, but no certificate (client-certificate)");
    }

    void read_token(const Field& user) {
        const auto token = user["token"], file = user["tokenFile"];
        if (const auto text = read_secret(token)) {
            // Not trimmed: nor does kubectl, and a token that works here only would be no help.
            if (!fits_header(*text)) token.complain("is no token: it has several lines or control characters");
            access_.token.text = *text;
        }
        const auto path = text_of(file);
        if (path.empty()) return;
        access_.token.file = absolute(path);
        const auto read = read_secret_file(access_.token.file, check_token);
        if (read) return;
        if (access_.token.text.empty()) return file.complain(read.error().text);
        file.remark(read.error().text + "; the token is used until it can be read");
    }

    void read_password(const Field& user) {
        const auto username = user["username"], password = user["password"];
        access_.username = text_of(username);
        access_.password = read_secret(password).value_or("");
        if (access_.username.empty() && !access_.password.empty()) password.complain("has no username to it");
        if (!access_.username.empty() && access_.token.given())
            user.complain("has both a token and a username: only one can be sent");
    }

    void read_impersonation(const Field& user) {
        const auto as = user["as"], uid = user["as-uid"], groups = user["as-groups"], extra = user["as-user-extra"];
        if (extra.present()) extra.complain("is not supported");
        Impersonation other{.user = text_of(as), .uid = text_of(uid), .groups = {}};
        groups.each([&](const Field& group) { other.groups.push_back(text_of(group)); });
        if (other.user.empty()) {
            if (uid.present() || groups.present()) user.complain("impersonates a uid or groups, but no user (as)");
            return;
        }
        bool fits = fits_header(other.user) && fits_header(other.uid);
        for (const auto& group : other.groups)
            fits = fits && fits_header(group);
        if (!fits) as.complain("or its uid or groups have control characters");
        access_.impersonation = std::move(other);
    }

    void read_exec(const Field& exec) {
        const auto command = exec["command"], version = exec["apiVersion"], arguments = exec["args"];
        const auto hint = exec["installHint"], provide = exec["provideClusterInfo"];
        ExecCommand plugin{};
        plugin.command = text_of(command);
        if (plugin.command.empty()) exec.complain("has no command");
        if (plugin.command.find('/') != std::string::npos) plugin.command = absolute(plugin.command);
        arguments.each([&](const Field& argument) { plugin.arguments.push_back(text_of(argument)); });
        read_environment(exec, plugin);
        plugin.install_hint = text_of(hint);
        plugin.provide_cluster = provide.boolean().value_or(false);
        plugin.api_version = read_exec_version(exec, version);
        check_interactive(exec, plugin.api_version);
        access_.exec = std::move(plugin);
    }

    static void read_environment(const Field& exec, ExecCommand& plugin) {
        const auto environment = exec["env"];
        environment.each([&](const Field& entry) {
            const auto name = entry["name"], value = entry["value"];
            if (text_of(name).empty() || text_of(name).find('=') != std::string::npos)
                return entry.complain("has no name that a variable can have");
            plugin.environment.emplace_back(text_of(name), read_secret(value).value_or(""));
        });
    }

    static std::string read_exec_version(const Field& exec, const Field& version) {
        auto text = text_of(version);
        if (text.empty()) {
            exec.complain("has no apiVersion");
        } else if (text == std::string(kExecGroup) + "v1alpha1") {
            version.complain("was removed from Kubernetes in 1.24: update the plugin, and write " +
                             std::string(kExecGroup) + "v1beta1 or v1");
        } else if (text != std::string(kExecGroup) + "v1" && text != std::string(kExecGroup) + "v1beta1") {
            version.complain("\"" + text + "\" is neither " + std::string(kExecGroup) + "v1 nor v1beta1");
        }
        return text;
    }

    /// There is nobody to ask: a plugin that insists can't be run.
    static void check_interactive(const Field& exec, const std::string& version) {
        const auto mode = exec["interactiveMode"];
        const auto text = text_of(mode);
        if (text == "Always") return mode.complain("is Always, but the agent has no terminal for a plugin to ask at");
        if (text == "Never" || text == "IfAvailable") return;
        if (!text.empty()) return mode.complain("\"" + text + "\" is none of Never, IfAvailable, Always");
        if (version == std::string(kExecGroup) + "v1") exec.complain("has no interactiveMode, which v1 requires");
    }

    Secret read_pem(const Field& data, const Field& file, SecretCheck check) const {
        if (const auto encoded = read_secret(data)) {
            if (file.present()) file.remark("is not used: " + data.path() + " overrides it");
            const auto decoded = from_base64(*encoded);
            if (!decoded) {
                data.complain("is not base64");
                return {};
            }
            return {.text = checked(data, check(*decoded)), .file = ""};
        }
        const auto path = text_of(file);
        if (path.empty()) return {};
        if (const auto read = read_secret_file(absolute(path), check); !read) file.complain(read.error().text);
        return {.text = "", .file = absolute(path)};
    }

    /// For what is read only once; a file that can't be read was complained about.
    static std::string contents_of(const Secret& secret) {
        if (secret.file.empty()) return secret.text;
        auto file = read_text_file(secret.file);
        return file ? std::move(file->text) : "";
    }

    static std::string checked(const Field& field, Result<std::string> result) {
        if (result) return std::move(*result);
        field.complain(result.error().text);
        return "";
    }

    std::string absolute(const std::string& path) const { return (folder_ / path).string(); }

    std::filesystem::path folder_;
    Access access_{};
};

std::string line_of(const std::string& path, const Complaint& complaint) {
    auto line = path;
    if (complaint.line != 0) line += ":" + std::to_string(complaint.line);
    if (!complaint.field.empty()) line += " " + complaint.field;
    return line + ": " + complaint.text;
}

std::vector<std::string> lines_of(const std::string& path, const std::vector<Complaint>& complaints) {
    std::vector<std::string> lines;
    lines.reserve(complaints.size());
    for (const auto& complaint : complaints)
        lines.push_back(line_of(path, complaint));
    return lines;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string all;
    for (const auto& line : lines)
        all += (all.empty() ? "" : "; ") + line;
    return all;
}

/// The file's one document.
Result<Value> read_document(const std::string& path) {
    const auto file = read_text_file(path);
    if (!file) return fail(path + " " + file.error().text, 0);
    std::vector<Value> documents;
    const auto read = read_yaml(file->text, [&](Value document) { documents.push_back(std::move(document)); });
    if (!read) return fail(path + ":" + std::to_string(read.error().line) + ": " + read.error().text);
    if (documents.empty()) return fail(path + " is empty");
    if (documents.size() > 1) return fail(path + " has several documents: a kubeconfig is one");
    return std::move(documents.front());
}

void check_kind(const Field& root) {
    const auto kind = root["kind"];
    if (root.is_object() && kind.present() && text_of(kind) != "Config")
        kind.complain(kind.value().text() + " is no kubeconfig, whose kind is Config");
}

} // namespace

Result<Access> read_kubeconfig(const std::string& path, const std::string& context) {
    const std::string action = "read kubeconfig";
    const auto document = read_document(path);
    if (!document) return within(action, document.error());
    Complaints complaints;
    const Field root(*document, complaints);
    check_kind(root);
    Access access = KubeconfigReader(path).read(root, context);
    if (!complaints.errors.empty()) return fail(action + ": " + joined(lines_of(path, complaints.errors)));
    access.origin += " of " + path;
    access.remarks = lines_of(path, complaints.remarks);
    return access;
}

} // namespace bulkhead::source::kube
