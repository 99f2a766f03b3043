// SPDX-License-Identifier: Apache-2.0
//
// What a test's API server and its clients read: keys and certificates of a CA of its own, users' tokens and
// kubeconfigs. All of it is in a directory that goes with the handle.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace bulkhead::test {

/// Somebody who authenticates by a fixed bearer token.
struct ApiUser {
    std::string name;
    std::string token;
    std::vector<std::string> groups = {};
};

class ApiServerFiles {
public:
    /// `address` is what the server's certificate is for, beside loopback and what pods call it.
    static Result<ApiServerFiles> create(const std::string& address);
    ApiServerFiles(ApiServerFiles&& other) noexcept;
    ApiServerFiles& operator=(ApiServerFiles&&) = delete;
    ~ApiServerFiles();

    std::filesystem::path file(const std::string& name) const { return directory_ / name; }
    std::filesystem::path ca() const { return file("ca.crt"); }

    /// The server knows them from its next start on.
    Result<> write_users(const std::vector<ApiUser>& users) const;
    /// By client certificate, with every right.
    Result<std::filesystem::path> write_admin_kubeconfig(const std::string& url) const;
    Result<std::filesystem::path> write_token_kubeconfig(const std::string& url, const std::string& token) const;

private:
    explicit ApiServerFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}

    Result<> make_certificates(const std::string& address) const;
    Result<> sign(const std::string& name, const std::string& subject,
                  const std::vector<std::string>& extensions) const;
    Result<std::filesystem::path> write_kubeconfig(const std::string& url, const std::string& credentials) const;
    Result<> write(const std::string& name, const std::string& text) const;

    std::filesystem::path directory_; // empty once moved from
};

} // namespace bulkhead::test
