// SPDX-License-Identifier: Apache-2.0
#include "resource_sets.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace bulkhead::bench {

namespace {

using Json = nlohmann::json;

constexpr uint32_t kAddresses = 0xac100001; // from 172.16.0.1 on
constexpr uint32_t kNetworks = 0x64400000;  // from 100.64.0.0/24 on
constexpr uint32_t kSmall = 0xac180000;     // from 172.24.0.0/28 on
constexpr uint32_t kSingle = 0xac1c0001;    // from 172.28.0.1 on
constexpr uint32_t kExtra = 0xc6120001;     // from 198.18.0.1 on

Address address_at(uint32_t host) {
    Address address;
    for (size_t i = 0; i < 4; ++i)
        address.bytes[i] = static_cast<uint8_t>(host >> (24 - 8 * i));
    return address;
}

std::string cidr_at(uint32_t host, int length) {
    return address_at(host).text() + "/" + std::to_string(length);
}

Json resource(const std::string& name, uint32_t tenant, Json cidrs) {
    return {{"apiVersion", "bulkhead.dev/v1alpha1"},
            {"kind", "AWSResource"},
            {"metadata", {{"name", name}}},
            {"spec",
             {{"tenant", "tenant-" + std::to_string(tenant)},
              {"ports", {{{"port", 5432}}}},
              {"addresses", {{"cidrs", std::move(cidrs)}}}}}};
}

} // namespace

Result<> ResourceSets::write(const std::filesystem::path& directory, uint32_t extra) const {
    Json items = Json::array(), large = Json::array(), list = Json::array(), growing{cidr_at(kExtra - 1, 32)};
    for (uint32_t i = 0; i < extra; ++i)
        growing.push_back(cidr_at(kExtra + i, 32));
    for (uint32_t i = 0; i < addresses; ++i)
        large.push_back(cidr_at(kAddresses + i, 32));
    for (uint32_t i = 0; i < networks; ++i)
        list.push_back(cidr_at(kNetworks + (i << 8), 24));
    items.push_back(resource("growing", 0, growing));
    if (addresses > 0) items.push_back(resource("large", 1, large));
    if (networks > 0) items.push_back(resource("list", 2, list));
    for (uint32_t i = 0; i < resources; ++i)
        items.push_back(
            resource("small-" + std::to_string(i), i % 50, {cidr_at(kSmall + (i << 4), 28), cidr_at(kSingle + i, 32)}));
    const auto draft = directory / "resources.json.draft";
    std::ofstream file(draft);
    file << Json{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
    if (!file.flush()) return fail("write " + draft.string(), errno);
    std::error_code error;
    std::filesystem::rename(draft, directory / "resources.json", error);
    if (error) return fail("rename " + draft.string(), error.value());
    return {};
}

std::vector<Address> ResourceSets::samples() const {
    std::vector<Address> found;
    for (uint32_t i = 0; i < addresses; ++i)
        found.push_back(address_at(kAddresses + i));
    for (uint32_t i = 0; i < networks; ++i)
        found.push_back(address_at(kNetworks + (i << 8) + 77));
    for (uint32_t i = 0; i < resources; ++i) {
        found.push_back(address_at(kSmall + (i << 4) + 7));
        found.push_back(address_at(kSingle + i));
    }
    return found;
}

Address ResourceSets::extra_address(uint32_t number) {
    return address_at(kExtra + number);
}

} // namespace bulkhead::bench
