// SPDX-License-Identifier: Apache-2.0
//
// What tests of the writer stand on: a small cluster as compile() would have it, and a kernel side to write it to.
#pragma once

#include <optional>

#include "datapath/writer.h"
#include "datapath_support.h"

namespace bulkhead::test {

inline constexpr uint32_t kPayments = 20; // protected
inline constexpr uint32_t kBlog = 21;     // open

Address address(const std::string& text);
Cidr cidr(const std::string& text);
compile::Touched everything();
bh_pod pod(uint32_t generation, uint32_t identity, uint32_t ifindex);
/// Another node's.
compile::EndpointRow endpoint_of(uint32_t identity);
compile::OpeningRow granted(uint16_t port);

/// Two tenants, one of them protected, a pod of each on this node, a resource and one grant.
compile::Desired small_cluster();

/// All ports that `src` was granted on `dst`, through all parts.
std::vector<uint16_t> ports_in_kernel(const datapath::Maps& maps, uint32_t dst, uint32_t src);

/// A kernel side of the test's own, and a writer on it; restart() is what a new agent finds.
class Bench {
public:
    Bench() : kernel_(private_kernel()) { restart(); }

    void restart() { writer_.emplace(need(datapath::Writer::create(kernel_.maps(), kernel_.clock()))); }
    datapath::WriteReport write(const compile::Desired& desired, const compile::Touched& touched = everything(),
                                bool complete = true) {
        return need(writer_->write(desired, touched, complete));
    }
    datapath::Writer& writer() { return *writer_; }
    const datapath::Maps& maps() const { return kernel_.maps(); }
    const datapath::JiffiesClock& clock() const { return kernel_.clock(); }
    bh_control control() const { return maps().control.find(0).value(); }
    std::optional<bh_endpoint> endpoint(const std::string& text) const {
        const Address parsed = address(text);
        return parsed.family == BH_IPV4 ? maps().endpoints4.find(parsed.raw4()) : maps().endpoints6.find(parsed.raw());
    }
    datapath::Kernel& kernel() { return kernel_; }

private:
    datapath::Kernel kernel_;
    std::optional<datapath::Writer> writer_;
};

} // namespace bulkhead::test
