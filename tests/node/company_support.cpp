// SPDX-License-Identifier: Apache-2.0
#include "company_support.h"

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <net/if.h>

#include <array>
#include <sstream>

namespace bulkhead::test {

namespace {

bpf_insn instruction(int code, int dst, int src, int offset, int immediate) {
    return {.code = static_cast<__u8>(code),
            .dst_reg = static_cast<__u8>(dst & 0xf),
            .src_reg = static_cast<__u8>(src & 0xf),
            .off = static_cast<__s16>(offset),
            .imm = immediate};
}

/// Adds 1 to the map's only element, then returns `action`.
std::array<bpf_insn, 12> counting(int map, int action) {
    return {instruction(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),
            instruction(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
            instruction(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),
            instruction(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
            instruction(0, 0, 0, 0, 0),
            instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
            instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0),
            instruction(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),
            instruction(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD),
            instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, action),
            instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
            instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)};
}

bpf_tc_hook hook_of(uint32_t ifindex, Way way) {
    bpf_tc_hook hook{};
    hook.sz = sizeof hook;
    hook.ifindex = static_cast<int>(ifindex);
    hook.attach_point = way == Way::kFromPod ? BPF_TC_INGRESS : BPF_TC_EGRESS;
    return hook;
}

bpf_attach_type type_of(Way way) {
    return way == Way::kFromPod ? BPF_TCX_INGRESS : BPF_TCX_EGRESS;
}

const char* side_of(Way way) {
    return way == Way::kFromPod ? "ingress" : "egress";
}

std::string name_of_program(uint32_t id) {
    const Fd fd(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    return fd.valid() && bpf_prog_get_info_by_fd(fd.get(), &info, &size) == 0 ? info.name : "";
}

} // namespace

ForeignProgram::ForeignProgram(int action)
    : counter_(bpf_map_create(BPF_MAP_TYPE_ARRAY, "foreign", sizeof(uint32_t), sizeof(uint64_t), 1, nullptr)) {
    if (!counter_.valid()) FAIL("make a map: " << errno);
    const auto code = counting(counter_.get(), action);
    fd_ = Fd(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", code.data(), code.size() - 1, nullptr));
    if (!fd_.valid()) FAIL("load a program: " << errno);
}

uint64_t ForeignProgram::packets() const {
    const uint32_t key = 0;
    uint64_t value = 0;
    REQUIRE(bpf_map_lookup_elem(counter_.get(), &key, &value) == 0);
    return value;
}

HostEnd::HostEnd(const Place& node, const Place& pod) : netns_(&node.netns) {
    const auto [failed, output] = run_in(*netns_, {"ip", "-j", "route", "show", pod.ip4.text()});
    if (failed) FAIL("ip route: " << output);
    name_ = Json::parse(output).at(0).at("dev");
    ifindex_ = netns_->run([&] { return if_nametoindex(name_.c_str()); });
}

void HostEnd::add_filter(Way way, const ForeignProgram& program, uint32_t priority, uint32_t handle) const {
    const int error = netns_->run([&] {
        libbpf_set_print(nullptr); // it would tell that the qdisc is there
        auto qdisc = hook_of(ifindex_, way);
        (void)bpf_tc_hook_create(&qdisc);
        auto hook = hook_of(ifindex_, way);
        bpf_tc_opts options{};
        options.sz = sizeof options;
        options.prog_fd = program.fd();
        options.priority = priority;
        options.handle = handle;
        return bpf_tc_attach(&hook, &options);
    });
    if (error) FAIL("add a filter: " << error);
}

void HostEnd::delete_filter(Way way, uint32_t priority, uint32_t handle) const {
    const int error = netns_->run([&] {
        auto hook = hook_of(ifindex_, way);
        bpf_tc_opts options{};
        options.sz = sizeof options;
        options.priority = priority;
        options.handle = handle;
        return bpf_tc_detach(&hook, &options);
    });
    if (error) FAIL("delete a filter: " << error);
}

std::vector<std::string> HostEnd::filters(Way way) const {
    const auto [failed, output] = run_in(*netns_, {"tc", "-j", "filter", "show", "dev", name_, side_of(way)});
    std::vector<std::string> found;
    if (failed || output.empty()) return found;
    for (const Json& filter : Json::parse(output))
        if (filter.contains("options") && filter.at("options").contains("handle"))
            found.push_back(std::to_string(filter.value("pref", 0)) + ":" +
                            filter.at("options").at("handle").get<std::string>() + " " +
                            filter.at("options").value("bpf_name", ""));
    return found;
}

int HostEnd::tc(std::string words) const {
    std::vector<std::string> argv{"tc"};
    std::istringstream in(words);
    for (std::string word; in >> word;)
        argv.push_back(word == "DEV" ? name_ : word);
    return run_in(*netns_, argv).first;
}

Fd HostEnd::link(Way way, const ForeignProgram& program, Anchor anchor) const {
    return netns_->run([&] {
        bpf_link_create_opts options{};
        options.sz = sizeof options;
        options.flags = anchor.flags | (anchor.program_id ? BPF_F_ID : 0);
        options.tcx.relative_id = anchor.program_id;
        Fd link(bpf_link_create(program.fd(), static_cast<int>(ifindex_), type_of(way), &options));
        if (!link.valid()) throw std::runtime_error("link by tcx: " + std::to_string(errno));
        return link;
    });
}

void HostEnd::attach(Way way, const ForeignProgram& program, Anchor anchor) const {
    const int error = netns_->run([&] {
        struct bpf_prog_attach_opts options {};
        options.sz = sizeof options;
        options.flags = anchor.flags | (anchor.program_id ? BPF_F_ID : 0);
        options.relative_id = anchor.program_id;
        return bpf_prog_attach_opts(program.fd(), static_cast<int>(ifindex_), type_of(way), &options);
    });
    if (error) FAIL("attach by tcx: " << error);
}

void HostEnd::detach(Way way, const ForeignProgram& program) const {
    const int error = netns_->run([&] {
        struct bpf_prog_detach_opts options {};
        options.sz = sizeof options;
        return bpf_prog_detach_opts(program.fd(), static_cast<int>(ifindex_), type_of(way), &options);
    });
    if (error) FAIL("detach from tcx: " << error);
}

std::vector<std::pair<uint32_t, std::string>> HostEnd::tcx(Way way) const {
    std::array<uint32_t, 64> ids{};
    struct bpf_prog_query_opts options {};
    options.sz = sizeof options;
    options.prog_ids = ids.data();
    options.count = ids.size();
    const int error =
        netns_->run([&] { return bpf_prog_query_opts(static_cast<int>(ifindex_), type_of(way), &options); });
    std::vector<std::pair<uint32_t, std::string>> found;
    for (uint32_t i = 0; error == 0 && i < options.count; ++i)
        found.emplace_back(ids[i], name_of_program(ids[i]));
    return found;
}

uint32_t HostEnd::our_program(Way way) const {
    for (const auto& [id, name] : tcx(way))
        if (name.starts_with("bh_")) return id;
    FAIL("nothing of ours is on " << name_);
    return 0;
}

void PolicyAgent::on_pod(const HostEnd& veth) const {
    for (const Way way : kWays)
        veth.add_filter(way, program(way), 1, 1);
}

void PolicyAgent::on_pod_gone(const HostEnd& veth) const {
    for (const Way way : kWays)
        veth.delete_filter(way, 1, 1);
}

Neighbourhood::Neighbourhood() {
    net.manifests().write("vault.yaml", protected_namespace_text("vault"));
    net.manifests().write("blog.yaml", namespace_text("blog"));
}

AgentProcess Neighbourhood::agent(const std::string& attach) const {
    return AgentProcess::start(net, node, {.attach = attach, .metrics_address = kMetricsAddress});
}

double Neighbourhood::reattachments() const {
    return metric(node, "bulkhead_reattachments_total").value_or(-1);
}

void Neighbourhood::check_isolated() const {
    CHECK(reaches(kin, safe, 10s));
    for (const Place* stranger : {&near, &far})
        CHECK_FALSE(reaches(*stranger, safe, 300ms));
}

void Neighbourhood::check_mended(const AgentProcess& agent, double reattachments_before,
                                 const std::string& logged) const {
    CHECK(wait_until([&] { return reattachments() > reattachments_before; }, after(10s)));
    CHECK(agent.output().find(logged) != std::string::npos);
    // Both sides are done when it is first again.
    const auto is_first = [&](Way way) {
        const auto chain = veth.tcx(way);
        if (!chain.empty() && chain.front().second.starts_with("bh_")) return true;
        const auto filters = veth.filters(way);
        return !filters.empty() && filters.front().find(" bh_") != std::string::npos;
    };
    CHECK(wait_until([&] { return is_first(Way::kFromPod) && is_first(Way::kToPod); }, after(10s)));
    check_isolated();
}

bool reaches(const Place& from, const Place& to, Clock::duration limit) {
    return answers_udp(from.netns, {to.ip4, 8080}, after(limit)) ||
           answers_tcp(from.netns, {to.ip6, 8080}, after(limit));
}

} // namespace bulkhead::test
