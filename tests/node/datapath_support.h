// SPDX-License-Identifier: Apache-2.0
//
// Where the datapath's node tests live: a network namespace and a mount namespace of the process's own,
// made before the first test, so that nothing of them is ever seen by the machine; and the devices that
// a test asks for.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "datapath/kernel.h"

namespace bulkhead::test {

/// Fails the test with the error's text.
template <typename T>
T need(Result<T> result) {
    if (!result) FAIL(result.error().text);
    return std::move(*result);
}
inline void need(Result<> result) {
    if (!result) FAIL(result.error().text);
}

/// Runs ip or tc; fails the test when that fails.
void run(const std::string& command);
std::string output_of(const std::string& command);

/// A veth pair, up; removed with this.
class Veth {
public:
    explicit Veth(std::string name);
    ~Veth();
    Veth(const Veth&) = delete;
    Veth& operator=(const Veth&) = delete;

    uint32_t ifindex() const { return ifindex_; }
    const std::string& name() const { return name_; }
    /// Sends one packet out of this device, which is to_pod's side, and into it, which is from_pod's.
    void send_both_ways() const;

private:
    std::string name_;
    uint32_t ifindex_ = 0;
};

/// A directory of its own for each test: a bpffs gets mounted there. Detached with this.
class PinPlace {
public:
    PinPlace();
    ~PinPlace();
    const std::string& path() const { return path_; }
    datapath::Kernel::Settings settings() const;

private:
    std::string path_;
};

/// Skips the test, visibly, where BPF and namespaces are not ours to use.
void need_root();

/// Programs and small maps that nothing pins.
datapath::Kernel private_kernel();

/// Small maps, so that loading is quick and full is near.
datapath::Sizes small_sizes();

/// As the kernel numbers it.
uint32_t id_of_map(const RawMap& map);

/// How many packets each side has counted since the start, whatever the verdict.
struct Counted {
    uint64_t from_pod = 0;
    uint64_t to_pod = 0;
};
Counted counted(const datapath::Maps& maps);

} // namespace bulkhead::test
