// SPDX-License-Identifier: Apache-2.0
#include "proxied.h"

#include <fstream>

namespace bulkhead::test {

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
        text.replace(at, what.size(), by);
    return text;
}

std::string contents(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

Endpoint address_of(const ApiServer& server, const Place& host) {
    const auto url = server.url();
    return {host.ip4, static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)))};
}

} // namespace

FaultyProxy proxy_before(const ApiServer& server, const Place& host) {
    return require(FaultyProxy::start(host.netns, {host.ip4, kProxyPort}, address_of(server, host)));
}

void write_proxied_kubeconfig(const std::filesystem::path& path, const ApiServer& server, const Place& host) {
    const auto url = "https://" + host.ip4.text() + ":" + std::to_string(kProxyPort);
    const auto as_admin = replaced(contents(server.kubeconfig()), server.url(), url);
    std::ofstream(path) << replaced(as_admin, "cluster: {server", "cluster: {disable-compression: true, server");
}

} // namespace bulkhead::test
