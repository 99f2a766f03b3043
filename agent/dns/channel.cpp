// SPDX-License-Identifier: Apache-2.0
// Some of what we call has a successor from c-ares 1.28 on, which Debian 12 hasn't got.
#define CARES_NO_DEPRECATED
#include "dns/channel.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netinet/in.h>

#include <algorithm>
#include <mutex>

namespace bulkhead::dns {

namespace {

constexpr int kLongestDatagram = 1232;  // bytes; what passes everywhere unfragmented (DNS flag day 2020)
constexpr size_t kMostAddresses = 4096; // more than 64 KiB of records can hold

std::once_flag g_ares_is_up;

Result<> set_up() {
    static int status = ARES_SUCCESS;
    std::call_once(g_ares_is_up, [] { status = ares_library_init(ARES_LIB_INIT_ALL); });
    if (status != ARES_SUCCESS) return fail(std::string("set up c-ares: ") + ares_strerror(status));
    return {};
}

ares_addr_port_node node_of(const Server& server) {
    ares_addr_port_node node{};
    node.udp_port = node.tcp_port = server.port;
    node.family = server.address.family == BH_IPV4 ? AF_INET : AF_INET6;
    if (node.family == AF_INET) {
        std::memcpy(&node.addr.addr4, server.address.bytes.data(), 4);
    } else {
        std::memcpy(&node.addr.addr6, server.address.bytes.data(), 16);
    }
    return node;
}

Server server_of(const ares_addr_port_node& node) {
    Server server;
    server.address.family = node.family == AF_INET ? BH_IPV4 : BH_IPV6;
    std::memcpy(server.address.bytes.data(), &node.addr, node.family == AF_INET ? 4 : 16);
    if (node.udp_port != 0) server.port = static_cast<uint16_t>(node.udp_port);
    return server;
}

Address address_of(const ares_addrttl& entry) {
    Address address;
    std::memcpy(address.bytes.data(), &entry.ipaddr, 4);
    return address;
}

Address address_of(const ares_addr6ttl& entry) {
    Address address;
    address.family = BH_IPV6;
    std::memcpy(address.bytes.data(), &entry.ip6addr, 16);
    return address;
}

/// A TTL with the top bit set counts as 0 (RFC 2181, 8); c-ares hands it on as a negative one.
template <typename Entry>
int collect(const unsigned char* reply, int size, Answer& into,
            int (*parse)(const unsigned char*, int, hostent**, Entry*, int*)) {
    std::vector<Entry> entries(kMostAddresses);
    int count = static_cast<int>(kMostAddresses);
    const int status = parse(reply, size, nullptr, entries.data(), &count);
    if (status != ARES_SUCCESS) return status;
    entries.resize(static_cast<size_t>(count));
    for (const auto& entry : entries) {
        const std::chrono::seconds ttl(std::max(entry.ttl, 0));
        into.ttl = into.addresses.empty() ? ttl : std::min(into.ttl, ttl);
        into.addresses.push_back(address_of(entry));
    }
    std::sort(into.addresses.begin(), into.addresses.end());
    into.addresses.erase(std::unique(into.addresses.begin(), into.addresses.end()), into.addresses.end());
    return into.addresses.empty() ? ARES_ENODATA : ARES_SUCCESS; // CNAMEs that lead nowhere
}

Outcome outcome_of(int status) {
    switch (status) {
    case ARES_SUCCESS:
        return Outcome::kAddresses;
    case ARES_ENODATA:
        return Outcome::kNoAddress;
    case ARES_ENOTFOUND:
        return Outcome::kNoName;
    case ARES_ESERVFAIL:
        return Outcome::kServerFailed;
    case ARES_EREFUSED:
        return Outcome::kRefused;
    case ARES_ETIMEOUT:
        return Outcome::kNoReply;
    case ARES_ECONNREFUSED:
        return Outcome::kUnreachable;
    case ARES_EBADRESP:
    case ARES_EBADNAME:
        return Outcome::kMalformed; // names come checked, so it is one in the reply
    default:
        return Outcome::kOther;
    }
}

std::string words_of(Outcome outcome, int status) {
    switch (outcome) {
    case Outcome::kAddresses:
        return "";
    case Outcome::kNoAddress:
        return "says that the name has no such address (NODATA)";
    case Outcome::kNoName:
        return "says that there is no such name (NXDOMAIN)";
    case Outcome::kServerFailed:
        return "can't find out (SERVFAIL)";
    case Outcome::kRefused:
        return "refuses to answer (REFUSED)";
    case Outcome::kNoReply:
        return "doesn't reply";
    case Outcome::kUnreachable:
        return "can't be reached";
    case Outcome::kMalformed:
        return "sent a malformed reply";
    case Outcome::kOther:
        break;
    }
    return ares_strerror(status);
}

/// c-ares 1.18 looks at neither: whatever sends our question back would else say that there is no address.
bool is_none(const unsigned char* reply, int size) {
    return reply != nullptr && (size < NS_HFIXEDSZ || (reply[2] & 0x80) == 0); // QR (RFC 1035, 4.1.1)
}

bool has_unknown_code(int status, const unsigned char* reply) {
    return status == ARES_SUCCESS && (reply[3] & 0x0f) != ns_r_noerror;
}

} // namespace

struct Channel::Pending {
    Channel& channel;
    Question question;
    Callback on_answer;
};

Result<std::vector<Server>> configured_servers() {
    if (auto up = set_up(); !up) return tl::unexpected(up.error());
    ares_channel channel = nullptr;
    int status = ares_init(&channel);
    ares_addr_port_node* nodes = nullptr;
    if (status == ARES_SUCCESS) {
        status = ares_get_servers_ports(channel, &nodes);
        ares_destroy(channel);
    }
    if (status != ARES_SUCCESS)
        return fail(std::string("find the DNS servers of /etc/resolv.conf: ") + ares_strerror(status));
    std::vector<Server> servers;
    for (const auto* node = nodes; node != nullptr; node = node->next)
        servers.push_back(server_of(*node));
    ares_free_data(nodes);
    return servers;
}

Channel::Channel(const Server& server, std::chrono::milliseconds patience, SocketCallback on_socket)
    : server_(server), patience_(patience), on_socket_(std::move(on_socket)) {}

Channel::~Channel() {
    ending_ = true;
    if (ares_ != nullptr) ares_destroy(ares_);
}

Result<std::unique_ptr<Channel>> Channel::create(const Server& server, std::chrono::milliseconds patience,
                                                 SocketCallback on_socket) {
    if (auto up = set_up(); !up) return tl::unexpected(up.error());
    std::unique_ptr<Channel> channel(new Channel(server, patience, std::move(on_socket)));
    if (auto opened = channel->open(); !opened) return tl::unexpected(opened.error());
    return channel;
}

Result<> Channel::open() {
    ares_options options{};
    options.flags = ARES_FLAG_EDNS | ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
    options.ednspsz = kLongestDatagram;
    options.timeout = static_cast<int>(patience_.count());
    options.tries = 1;
    options.ndomains = 0;
    options.sock_state_cb = &Channel::follow_socket;
    options.sock_state_cb_data = this;
    int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
               ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE // from 1.31 on; an answer of our own from before is none
    options.qcache_max_ttl = 0;
    mask |= ARES_OPT_QUERY_CACHE;
#endif
    int status = ares_init_options(&ares_, &options, mask);
    auto node = node_of(server_);
    if (status == ARES_SUCCESS) status = ares_set_servers_ports(ares_, &node);
    if (status != ARES_SUCCESS) return fail("set up questions to " + server_.text() + ": " + ares_strerror(status));
    return {};
}

void Channel::ask(const Question& question, Callback on_answer) {
    auto* pending = new Pending{.channel = *this, .question = question, .on_answer = std::move(on_answer)};
    ares_query(ares_, question.name.c_str(), ns_c_in, question.family == BH_IPV4 ? ns_t_a : ns_t_aaaa,
               &Channel::take_reply, pending); // which calls take_reply() once, whatever happens
}

void Channel::take_reply(void* argument, int status, int, unsigned char* reply, int size) {
    const std::unique_ptr<Pending> pending(static_cast<Pending*>(argument));
    if (pending->channel.ending_) return;
    pending->on_answer(pending->channel.answer_to(pending->question, status, reply, size));
}

Answer Channel::answer_to(const Question& question, int status, const unsigned char* reply, int size) const {
    Answer answer;
    if (is_none(reply, size)) {
        status = ARES_EBADRESP;
    } else if (has_unknown_code(status, reply)) {
        status = ARES_EFORMERR;
    } else if (status == ARES_SUCCESS) {
        status = question.family == BH_IPV4 ? collect<ares_addrttl>(reply, size, answer, &ares_parse_a_reply)
                                            : collect<ares_addr6ttl>(reply, size, answer, &ares_parse_aaaa_reply);
    }
    answer.outcome = outcome_of(status);
    if (answer.outcome != Outcome::kAddresses) answer.error = server_.text() + " " + words_of(answer.outcome, status);
    return answer;
}

void Channel::follow_socket(void* self, int fd, int readable, int writable) {
    static_cast<Channel*>(self)->on_socket_(fd, readable != 0, writable != 0);
}

void Channel::work_on(int readable, int writable) {
    ares_process_fd(ares_, readable < 0 ? ARES_SOCKET_BAD : readable, writable < 0 ? ARES_SOCKET_BAD : writable);
}

std::optional<std::chrono::milliseconds> Channel::wait() const {
    timeval time{};
    if (ares_timeout(ares_, nullptr, &time) == nullptr) return std::nullopt;
    return std::chrono::seconds(time.tv_sec) +
           std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(time.tv_usec));
}

} // namespace bulkhead::dns
