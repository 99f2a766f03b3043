// SPDX-License-Identifier: Apache-2.0
//
// The agent ends, well or badly, and another takes over what is pinned.
#include <bpf/bpf.h>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "next_packet_support.h"

namespace bulkhead::test {
namespace {

constexpr auto kStart = 60s; // of an agent on a busy machine

/// A datagram every millisecond, and each is answered: a lost one is known.
class CountedPings {
public:
    CountedPings(const Place& from, const Place& to, uint16_t port)
        : server_(require(bound_socket(to.netns, {to.ip4, port}, SOCK_DGRAM))),
          client_(require(udp_connect(from.netns, {to.ip4, port}))), driver_([this] { drive(); }) {}
    ~CountedPings() { end(); }

    void end() {
        stop_ = true;
        if (driver_.joinable()) driver_.join();
    }
    /// After end(), when the last have come back.
    size_t sent() const { return sent_; }
    size_t answered() const { return answered_; }
    bool under_way() const {
        return wait_until([&] { return answered_ > 10; }, after(10s));
    }

private:
    void drive() {
        for (auto next = Clock::now(); !stop_; next = std::max(next + kBeat, Clock::now())) {
            const std::array<uint8_t, 8> bytes{};
            sent_ += send(client_.get(), bytes.data(), bytes.size(), 0) > 0 ? 1 : 0;
            pass_on_until(next + kBeat);
        }
        wait_until([&] { return pass_on_until(Clock::now()), answered_ >= sent_; }, after(2s));
    }

    void pass_on_until(Deadline deadline) {
        std::array<uint8_t, 8> bytes{};
        do {
            SocketAddress from;
            while (recvfrom(server_.get(), bytes.data(), bytes.size(), 0, from.raw(), &from.size) >= 0)
                (void)sendto(server_.get(), bytes.data(), bytes.size(), 0, from.raw(), from.size);
            while (recv(client_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) >= 0)
                ++answered_;
        } while (readable(server_, deadline));
    }

    static constexpr auto kBeat = 1ms;

    Fd server_;
    Fd client_;
    std::atomic<bool> stop_{false};
    std::atomic<size_t> sent_{0};
    std::atomic<size_t> answered_{0};
    std::thread driver_;
};

/// Datagrams from a stranger every millisecond: none may arrive.
class Knocking {
public:
    Knocking(const Place& from, const Place& to, uint16_t port)
        : door_(require(bound_socket(to.netns, {to.ip4, port}, SOCK_DGRAM))),
          hand_(require(udp_connect(from.netns, {to.ip4, port}))), driver_([this] { drive(); }) {}
    ~Knocking() { end(); }

    void end() {
        stop_ = true;
        if (driver_.joinable()) driver_.join();
    }
    size_t knocks() const { return knocks_; }
    size_t heard() const { return heard_; }

private:
    void drive() {
        std::array<uint8_t, 8> bytes{};
        while (!stop_) {
            knocks_ += send(hand_.get(), bytes.data(), bytes.size(), 0) > 0 ? 1 : 0;
            if (readable(door_, after(1ms)) && recv(door_.get(), bytes.data(), bytes.size(), 0) >= 0) ++heard_;
        }
    }

    Fd door_;
    Fd hand_;
    std::atomic<bool> stop_{false};
    std::atomic<size_t> knocks_{0};
    std::atomic<size_t> heard_{0};
    std::thread driver_;
};

TEST_CASE("a restart loses no packet, forgets no conversation and lets no stranger in") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    const int how = GENERATE(SIGTERM, SIGINT, SIGKILL);
    INFO(attach << ", signal " << how);
    const Town town;
    const auto& [net, safe, kin, near, far] = town;
    auto agent = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    Talks own = begin_talks(safe, far, Begun::kByGuarded);
    append(own, begin_talks(safe, kin, Begun::kByOther, 7100));
    CountedPings outward(safe, far, 8000);
    CountedPings inward(kin, safe, 8001);
    const Knocking knocking(near, safe, 8002);
    REQUIRE(outward.under_way());
    REQUIRE(inward.under_way());

    const auto attached = attachments_in(net.node(kNodeA).netns);
    agent.process().signal(how);
    CHECK(agent.process().wait(after(kEnd)) == (how == SIGKILL ? 128 + SIGKILL : 0));
    CHECK(attachments_in(net.node(kNodeA).netns) == attached);
    check_going_on(own); // with nobody there
    const auto next = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    check_going_on(own);
    next.wait_for_verdict(far.name, safe.name + ":7000", "deny"); // the first question has to load the program
    outward.end();
    inward.end();
    CHECK(outward.answered() == outward.sent());
    CHECK(inward.answered() == inward.sent());
    CHECK(knocking.knocks() > 100);
    CHECK(knocking.heard() == 0);
}

TEST_CASE("signals that come while an agent ends, of either kind and however many, change nothing of how it ends") {
    const int first = GENERATE(SIGTERM, SIGINT);
    INFO("first " << first);
    const Town town;
    const auto& [net, safe, kin, near, far] = town;
    auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    const auto attached = attachments_in(net.node(kNodeA).netns);
    REQUIRE_FALSE(attached.empty());
    const Knocking knocking(near, safe, 8002);
    std::atomic<int> sent{0};
    std::atomic<bool> over{false};
    const auto insist = [&] { agent.process().signal(sent++ % 2 == 0 ? SIGINT : SIGTERM); };
    agent.process().signal(first);
    insist(); // at once: on a busy machine a thread may begin when all is over
    insist();
    std::thread impatient([&] { // until there is nobody left
        for (; !over; std::this_thread::sleep_for(100us))
            insist();
    });
    const auto status = agent.process().wait(after(kEnd));
    over = true;
    impatient.join();
    CHECK(status == 0);
    CHECK(agent.output().find("ending; enforcement stays in place") != std::string::npos);
    CHECK(attachments_in(net.node(kNodeA).netns) == attached);
    CHECK(wait_until([&] { return knocking.knocks() > 100; }, after(kEnd)));
    CHECK(knocking.heard() == 0);
    check_going_on(begin_talks(safe, kin, Begun::kByOther, 7100));
    const auto next = AgentProcess::start(net, net.node(kNodeA), {});
    CHECK(wait_until([&] { return next.verdict(near.name, safe.name + ":7000") == "deny"; }, after(kEnd)));
}

/// A directory of manifests that is away for as long as this lives: an agent that starts meanwhile knows nothing but
/// what it finds.
class SilentSource {
public:
    explicit SilentSource(const Net& net) : directory_(net.manifests().directory()), away_(net.directory() / "away") {
        std::filesystem::rename(directory_, away_);
    }
    ~SilentSource() { std::filesystem::rename(away_, directory_); }
    SilentSource(const SilentSource&) = delete;

private:
    std::filesystem::path directory_, away_;
};

/// As if it had been written by an agent of another version.
void change_version(const std::filesystem::path& control) {
    const Fd map(bpf_obj_get(control.c_str()));
    const uint32_t first = 0;
    bh_control row{};
    REQUIRE(bpf_map_lookup_elem(map.get(), &first, &row) == 0);
    ++row.abi_version;
    REQUIRE(bpf_map_update_elem(map.get(), &first, &row, BPF_ANY) == 0);
}

void end(AgentProcess& agent, int how) {
    agent.process().signal(how);
    REQUIRE(agent.process().wait(after(kEnd)));
}

TEST_CASE("an agent with maps of other sizes takes over whatever its source says, and loses and forgets nothing") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    INFO(attach);
    const Town town;
    const auto& [net, safe, kin, near, far] = town;
    auto agent = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    Talks own = begin_talks(safe, far, Begun::kByGuarded);
    append(own, begin_talks(safe, kin, Begun::kByOther, 7100));
    CountedPings outward(safe, far, 8000);
    const Knocking knocking(near, safe, 8002);
    REQUIRE(outward.under_way());
    end(agent, SIGKILL);
    const AgentProcess::Options resized{
        .attach = attach, .more = {"--max-endpoints", "1000", "--max-openings", "500", "--max-prefixes", "100"}};
    {
        const SilentSource silent(net);
        auto next = AgentProcess::launch(net, net.node(kNodeA), resized);
        REQUIRE(wait_until([&] { return next.ask({"status"}).is_object(); }, after(kStart)));
        CHECK(next.verdict(far.name, safe.name + ":7000").find("is known to this node") != std::string::npos);
        check_going_on(own);
        end(next, SIGTERM);
    }
    const auto last = AgentProcess::start(net, net.node(kNodeA), resized);
    check_going_on(own);
    outward.end();
    CHECK(outward.answered() == outward.sent());
    CHECK(knocking.knocks() > 100);
    CHECK(knocking.heard() == 0);
}

TEST_CASE(
    "an agent of another version changes nothing before it knows everything, and then judges in the other's place") {
    const std::string attach = GENERATE(from_range(attach_modes()));
    INFO(attach);
    const Town town;
    const auto& [net, safe, kin, near, far] = town;
    auto agent = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    Talks own = begin_talks(safe, far, Begun::kByGuarded, 7000, {{"TCP, server pushes", true, Flow::kServerPushes}});
    CountedPings inward(kin, safe, 8001);
    const Knocking knocking(near, safe, 8002);
    REQUIRE(inward.under_way());
    end(agent, SIGKILL);
    change_version(agent.pin_dir() / "maps/control");
    {
        const SilentSource silent(net);
        auto next = AgentProcess::launch(net, net.node(kNodeA), {.attach = attach});
        REQUIRE(wait_until([&] { return next.ask({"status"}).is_object(); }, after(kStart)));
        check_going_on(own);
        CHECK(knocking.heard() == 0);
        end(next, SIGKILL); // and once more, from the same beginning
    }
    const auto last = AgentProcess::start(net, net.node(kNodeA), {.attach = attach});
    check_going_on(own);
    inward.end();
    CHECK(inward.answered() == inward.sent());
    CHECK(knocking.knocks() > 100);
    CHECK(knocking.heard() == 0);
    INFO(last.order({"explain", far.name, safe.name + ":7000"}).second);
    last.wait_for_verdict(far.name, safe.name + ":7000", "deny");
    const size_t before = knocking.knocks();
    CHECK(wait_until([&] { return knocking.knocks() > before + 100; }, after(kEnd)));
    CHECK(knocking.heard() == 0);
}

/// How many packets the kernel has counted with this reason, whichever program did.
size_t counted(const AgentProcess& agent, bh_reason reason) {
    const auto dumped =
        require(run_command({"bpftool", "-j", "map", "dump", "pinned", agent.pin_dir() / "maps/counters"}));
    size_t packets = 0;
    for (const Json& row : Json::parse(dumped)) {
        const Json& entry = row.at("formatted");
        if (entry.at("key").get<uint32_t>() % BH_REASON_COUNT != reason) continue;
        for (const Json& cpu : entry.at("values"))
            packets += cpu.at("value").at("packets").get<size_t>();
    }
    return packets;
}

TEST_CASE("from one way of attaching to the other, every packet is judged, and then once") {
    if (!kernel_has_tcx()) SKIP("this kernel has no tcx");
    const auto [former, latter] = GENERATE(table<std::string, std::string>({{"clsact", "auto"}, {"tcx", "clsact"}}));
    INFO("from " << former << " to " << latter);
    const Town town;
    const auto& [net, safe, kin, near, far] = town;
    const Place node = net.node(kNodeA);
    const std::vector<std::string> few_rows{"--max-pods", "8"}; // to read quickly
    if (former == "tcx") add_qdiscs(node);
    auto agent = AgentProcess::start(net, node, {.attach = former, .more = few_rows});
    CountedPings friendly(kin, safe, 8001);
    Knocking knocking(near, safe, 8002);
    REQUIRE(friendly.under_way());

    REQUIRE(agent.process().stop(after(kEnd)) == 0);
    const auto next = AgentProcess::start(net, node, {.attach = latter, .more = few_rows});
    friendly.end();
    knocking.end();
    CHECK(friendly.answered() == friendly.sent());
    CHECK(counted(next, BH_REASON_SAME_TENANT) >= friendly.sent());
    CHECK(knocking.knocks() > 100);
    CHECK(knocking.heard() == 0);
    CHECK(wait_until([&] { return counted(next, BH_REASON_NOT_GRANTED) >= knocking.knocks(); }, after(kEnd)));
    CHECK(counted(next, BH_REASON_NOT_GRANTED) == knocking.knocks()); // what the first program drops no second one sees

    const size_t before = counted(next, BH_REASON_SAME_TENANT);
    CountedPings afterwards(kin, safe, 8003);
    REQUIRE(afterwards.under_way());
    afterwards.end();
    CHECK(counted(next, BH_REASON_SAME_TENANT) - before == afterwards.sent());
    const std::string left = former == "tcx" ? "tcx" : "clsact";
    for (const std::string& attached : attachments_in(node.netns))
        CHECK(attached.find("\"" + left + "/") == std::string::npos);
}

TEST_CASE("what changes while no agent runs is in force once the next one is ready") {
    const Town town;
    const auto& [net, safe, kin, near, far] = town;
    auto agent = AgentProcess::start(net, net.node(kNodeA), {});
    Talks from_kin = begin_talks(safe, kin, Begun::kByOther, 7100);
    const Talks own = begin_talks(safe, far, Begun::kByGuarded);
    REQUIRE(agent.process().stop(after(kEnd)) == 0);
    net.manifests().write(file_of(kin),
                          pod_text({kNodeB, "blog/heir", kin.ip4, kin.ip6, require(Netns::open(kin.netns.name()))}));
    const auto next = AgentProcess::start(net, net.node(kNodeA), {});
    check_cut_and_going_on(from_kin, own, Clock::now());
}

} // namespace
} // namespace bulkhead::test
