// SPDX-License-Identifier: Apache-2.0
//
// Which API server to talk to, how to know that it is the right one, and who we are there: read once at the start,
// from a kubeconfig or from what a pod has. A value. What may change later stays a file's name or a plugin's
// command; credentials.h follows those.
//
// Meanings and precedences are client-go's (Kubernetes reference, "kubeconfig (v1)"):
//   certificate-authority-data, client-certificate-data and client-key-data override the files of that name;
//   of token and tokenFile the file counts, and the token is used until the file can be read;
//   a token, a password or a client certificate leaves an exec plugin unused;
//   relative paths are relative to the kubeconfig, a command without a slash is looked for in PATH.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace bulkhead::source::kube {

/// As text, or as a file that may be replaced at any time.
struct Secret {
    std::string text;
    std::string file; // absolute

    bool given() const { return !text.empty() || !file.empty(); }
};

/// A credential plugin (Kubernetes reference, "client-go credential plugins").
struct ExecCommand {
    std::string command;
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> environment; // added to ours
    std::string api_version;                                      // client.authentication.k8s.io/v1 or /v1beta1
    std::string install_hint;
    bool provide_cluster = false;
    std::string cluster_config; // what the cluster's extension says to plugins, as JSON; or empty
};

struct Impersonation {
    std::string user;
    std::string uid;
    std::vector<std::string> groups;
};

struct Access {
    std::string origin; // "context prod of /root/.kube/config", for messages

    std::string server;      // https://host:port[/prefix], without a slash at its end
    std::string ca;          // PEM; empty = the system's
    std::string ca_file;     // where `ca` was read and may be replaced; or empty
    bool insecure = false;   // the server's certificate isn't verified
    std::string server_name; // that its certificate must be for; empty = the URL's host
    std::string proxy;       // URL, or empty
    bool compression = true; // the server may compress what it answers

    Secret certificate; // PEM, text or file
    Secret key;
    Secret token; // may have both: see above
    std::string username;
    std::string password;
    std::optional<ExecCommand> exec; // only if none of the others is there
    std::optional<Impersonation> impersonation;

    std::vector<std::string> remarks; // what is odd, but valid
};

/// `context` empty: the file's current-context. The error names every mistake of what that context needs, with its
/// line; what it doesn't need isn't looked at.
Result<Access> read_kubeconfig(const std::string& path, const std::string& context = "");

/// What every pod has: KUBERNETES_SERVICE_HOST and _PORT, and its service account's files below `root`.
Result<Access> in_cluster(const std::string& root = "");

} // namespace bulkhead::source::kube
