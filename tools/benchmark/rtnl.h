// SPDX-License-Identifier: Apache-2.0
//
// The few requests of rtnetlink with which a CNI plugin wires a pod. An Rtnl speaks to the network namespace in which
// its thread was when it was opened; each request waits for the kernel's answer. One thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "base/address.h"
#include "base/result.h"

struct mnl_socket;
struct nlmsghdr;

namespace bulkhead::bench {

using Mac = std::array<uint8_t, 6>;

class Rtnl {
public:
    static Result<Rtnl> open();

    struct End {
        std::string name;
        Mac mac;
    };
    Result<> add_veth(const End& one, const End& other);
    Result<> move_link(const std::string& name, int netns);
    Result<> set_up(const std::string& name);
    Result<> delete_link(const std::string& name);

    Result<> add_address(uint32_t ifindex, const Address& address);                   // as a /32 or /128
    Result<> add_neighbour(uint32_t ifindex, const Address& address, const Mac& mac); // for good
    Result<> add_host_route(uint32_t ifindex, const Address& to);
    Result<> add_default_route(uint32_t ifindex, const Address& by);
    /// "to <address> lookup main", as the VPC CNI adds for each pod.
    Result<> add_rule(const Address& to);
    Result<> delete_rule(const Address& to);

private:
    struct Close {
        void operator()(mnl_socket* socket) const;
    };
    using Put = std::function<void(nlmsghdr*)>;

    explicit Rtnl(std::unique_ptr<mnl_socket, Close> socket) : socket_(std::move(socket)) {}
    Result<> ask(const std::string& action, uint16_t type, uint16_t flags, const Put& put);
    Result<> ask_link(const std::string& action, uint16_t type, uint16_t flags, const Put& put, bool up = false);
    Result<> route(const std::string& action, uint32_t ifindex, const Address* to, const Address* by, uint8_t family);
    Result<> rule(const std::string& action, uint16_t type, uint16_t flags, const Address& to);

    std::unique_ptr<mnl_socket, Close> socket_;
};

} // namespace bulkhead::bench
