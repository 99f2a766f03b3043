// SPDX-License-Identifier: Apache-2.0
#include "matrix/matrix.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "support/echo_server.h"

namespace bulkhead::matrix {

namespace {

using test::EchoServer;
using test::Netns;

constexpr size_t kSourcesAtOnce = 8;
constexpr size_t kSparedFds = 512;

using Namespaces = std::map<std::string, Netns>;

Result<Namespaces> open_namespaces(const Scene& scene) {
    Namespaces opened;
    for (const Place& place : scene.places) {
        auto netns = Netns::open(place.netns);
        if (!netns) return tl::unexpected(netns.error());
        opened.try_emplace(place.netns, std::move(*netns));
    }
    return opened;
}

Result<std::vector<EchoServer>> start_servers(const Namespaces& namespaces, const std::vector<uint16_t>& ports) {
    std::vector<EchoServer> servers;
    for (const auto& [name, netns] : namespaces) {
        auto server = EchoServer::start(netns, ports);
        if (!server) return within(name, server.error());
        servers.push_back(std::move(*server));
    }
    return servers;
}

/// The cells of one source, as expected.
class Row {
public:
    Row(const Scene& scene, const Place& src, const Expectation& expectation, const Plan& plan)
        : scene_(scene), src_(src), expectation_(expectation), plan_(plan) {}

    Result<std::vector<Cell>> cells() {
        for (const Place& dst : scene_.places)
            for (const uint8_t family : plan_.families)
                if (src_.address(family) && dst.address(family))
                    if (auto added = add_pair(dst, family); !added) return tl::unexpected(added.error());
        return std::move(cells_);
    }

private:
    Result<> add_pair(const Place& dst, uint8_t family) {
        for (const uint8_t protocol : {BH_TCP, BH_UDP})
            for (const uint16_t port : scene_.ports)
                if (auto added = add({&src_, &dst, family, protocol, port}); !added) return added;
        return add({&src_, &dst, family, BH_ICMP, 0});
    }

    Result<> add(const Route& route) {
        const auto expected = expectation_(route);
        if (!expected) return within("judge " + route.src->name + " to " + route.dst->name, expected.error());
        cells_.push_back({route, *expected, Outcome::kSilent});
        return {};
    }

    const Scene& scene_;
    const Place& src_;
    const Expectation& expectation_;
    const Plan& plan_;
    std::vector<Cell> cells_;
};

using Rows = std::vector<std::vector<Cell>>; // by source

Result<Rows> expected_rows(const Scene& scene, const Expectation& expectation, const Plan& plan) {
    Rows rows;
    for (const Place& src : scene.places) {
        auto cells = Row(scene, src, expectation, plan).cells();
        if (!cells) return tl::unexpected(cells.error());
        rows.push_back(std::move(*cells));
    }
    return rows;
}

Result<> probe_row(const Namespaces& namespaces, const Plan& plan, std::vector<Cell>& row) {
    if (row.empty()) return {};
    std::vector<Probe> probes;
    probes.reserve(row.size());
    for (const Cell& cell : row)
        probes.push_back({*cell.route.dst->address(cell.route.family), cell.route.protocol, cell.route.port,
                          cell.expected.open ? plan.patience : plan.denied_patience});
    const Place& src = *row.front().route.src;
    const auto outcomes = probe_all(namespaces.at(src.netns), probes);
    if (!outcomes) return within("probe from " + src.name, outcomes.error());
    for (size_t i = 0; i < row.size(); ++i)
        row[i].observed = (*outcomes)[i];
    return {};
}

/// A probe takes one file here and, over TCP, one at the server.
size_t sources_at_once(size_t servers, const Scene& scene, size_t longest_row) {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return 1;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    const size_t taken = servers * (scene.ports.size() + 2) * 4 + kSparedFds;
    const size_t left = files.rlim_cur > taken ? files.rlim_cur - taken : 0;
    return std::clamp<size_t>(left / (2 * longest_row + 1), 1, kSourcesAtOnce);
}

Result<> probe_rows(const Namespaces& namespaces, const Plan& plan, Rows& rows, size_t at_once) {
    std::atomic<size_t> next{0};
    std::mutex mutex;
    Result<> result;
    {
        std::vector<std::jthread> threads;
        for (size_t i = 0; i < at_once; ++i)
            threads.emplace_back([&] {
                for (size_t row = next++; row < rows.size(); row = next++) {
                    auto probed = probe_row(namespaces, plan, rows[row]);
                    if (probed) continue;
                    const std::scoped_lock lock(mutex);
                    result = std::move(probed);
                }
            });
    }
    return result;
}

} // namespace

Result<std::vector<Cell>> measure(const Scene& scene, const Expectation& expectation, const Plan& plan) {
    auto rows = expected_rows(scene, expectation, plan);
    if (!rows) return tl::unexpected(rows.error());
    const auto namespaces = open_namespaces(scene);
    if (!namespaces) return tl::unexpected(namespaces.error());
    const size_t longest = std::ranges::max_element(*rows, {}, &std::vector<Cell>::size)->size();
    const size_t at_once = sources_at_once(namespaces->size(), scene, longest);
    const auto servers = start_servers(*namespaces, scene.ports);
    if (!servers) return tl::unexpected(servers.error());
    if (auto probed = probe_rows(*namespaces, plan, *rows, at_once); !probed) return tl::unexpected(probed.error());

    std::vector<Cell> cells;
    for (auto& row : *rows)
        cells.insert(cells.end(), row.begin(), row.end());
    return cells;
}

} // namespace bulkhead::matrix
