// SPDX-License-Identifier: Apache-2.0
#include "api/listen.h"

#include <cstring>
#include <filesystem>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace bulkhead::api {

namespace {

constexpr int kBacklog = 64;

Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (path.size() >= sizeof address.sun_path)
        return fail("listen on " + path + ": longer than the " + std::to_string(sizeof address.sun_path - 1) +
                    " characters that a Unix socket's path may have");
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
}

const sockaddr* raw(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

/// Removes a socket that nobody listens on. Anything else at that path is somebody's, and stays.
Result<> remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode)) return fail("listen on " + path + ": there is something that is no socket");
    const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!probe.valid()) return fail("create Unix socket", errno);
    if (connect(probe.get(), raw(address), sizeof address) == 0)
        return fail("listen on " + path + ": another agent answers there");
    if (errno != ECONNREFUSED) return fail("listen on " + path, errno);
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail("remove stale socket " + path, errno);
    return {};
}

struct FreeAddresses {
    void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};

Result<std::unique_ptr<addrinfo, FreeAddresses>> resolve(const std::string& address) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) return fail("\"" + address + "\" is no HOST:PORT");
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    const std::string port = address.substr(colon + 1);

    addrinfo hints{};
    hints.ai_family = host.empty() ? AF_INET6 : AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV | AI_NUMERICHOST;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
    if (error != 0) return fail("listen on \"" + address + "\": " + gai_strerror(error));
    return std::unique_ptr<addrinfo, FreeAddresses>(found);
}

Result<Fd> listen_at(const addrinfo& where, const std::string& address) {
    Fd fd(socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return fail("create TCP socket", errno);
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd.get(), where.ai_addr, where.ai_addrlen) != 0) return fail("listen on " + address, errno);
    if (listen(fd.get(), kBacklog) != 0) return fail("listen on " + address, errno);
    return fd;
}

} // namespace

Result<Fd> listen_unix(const std::string& path) {
    const auto address = unix_address(path);
    if (!address) return tl::unexpected(address.error());
    std::error_code error;
    const auto folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error) return fail("create " + folder.string() + ": " + error.message(), error.value());
    if (auto free = remove_stale(path, *address); !free) return tl::unexpected(free.error());

    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return fail("create Unix socket", errno);
    // The mode is set before bind() makes the file, so that there is no moment in which others may connect.
    if (fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0) return fail("restrict " + path, errno);
    if (bind(fd.get(), raw(*address), sizeof *address) != 0) return fail("listen on " + path, errno);
    if (listen(fd.get(), kBacklog) != 0) return fail("listen on " + path, errno);
    return fd;
}

Result<Fd> listen_tcp(const std::string& address) {
    const auto resolved = resolve(address);
    if (!resolved) return tl::unexpected(resolved.error());
    auto fd = listen_at(**resolved, address);
    const bool no_ipv6 = !fd && fd.error().code == EAFNOSUPPORT && address.starts_with(":");
    return no_ipv6 ? listen_tcp("0.0.0.0" + address) : std::move(fd);
}

uint16_t port_of(const Fd& socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

} // namespace bulkhead::api
