// SPDX-License-Identifier: Apache-2.0
#include "datapath/test_run.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <iterator>

namespace bulkhead::datapath {

namespace {

/// `options` says what else is asked for.
Result<TestRun> run(int program_fd, std::span<const std::byte> packet, const Context& context,
                    bpf_test_run_opts options) {
    __sk_buff before{};
    __sk_buff after{};
    std::copy(context.cb.begin(), context.cb.end(), std::begin(before.cb));
    before.mark = context.mark;
    before.ifindex = context.ifindex;
    before.ingress_ifindex = context.ingress_ifindex;

    options.sz = sizeof(options);
    options.data_in = packet.data();
    options.data_size_in = static_cast<uint32_t>(packet.size());
    options.ctx_in = &before;
    options.ctx_size_in = sizeof(before);
    options.ctx_out = &after;
    options.ctx_size_out = sizeof(after);
    if (int error = -bpf_prog_test_run_opts(program_fd, &options)) return fail("run a program on a test packet", error);

    TestRun result{
        .action = static_cast<int32_t>(options.retval),
        .context = {.cb = {}, .mark = after.mark, .ifindex = after.ifindex, .ingress_ifindex = after.ingress_ifindex},
        .nanoseconds = options.duration};
    std::copy(std::begin(after.cb), std::end(after.cb), result.context.cb.begin());
    return result;
}

} // namespace

Result<TestRun> test_run(int program_fd, std::span<const std::byte> packet, const Context& context, int repeat) {
    bpf_test_run_opts options{};
    options.repeat = repeat;
    return run(program_fd, packet, context, options);
}

Result<TestRun> test_run(int program_fd, std::span<const std::byte> packet, const Context& context,
                         std::span<std::byte> after) {
    bpf_test_run_opts options{};
    options.repeat = 1;
    options.data_out = after.data();
    options.data_size_out = static_cast<uint32_t>(after.size());
    return run(program_fd, packet, context, options);
}

Result<Rehearsal> rehearse(int program_fd, std::span<const std::byte> packet, const Circumstances& circumstances) {
    Context context{.cb = {}, .mark = circumstances.mark};
    context.cb[BH_IN_IFINDEX] = circumstances.ifindex;
    context.cb[BH_IN_INGRESS_IFINDEX] = circumstances.ingress_ifindex;
    context.cb[BH_IN_LOCAL_SOCKET] = circumstances.local_socket ? 1 : 0;
    const auto run = test_run(program_fd, packet, context);
    if (!run) return tl::unexpected(run.error());
    const auto& answer = run->context.cb;
    const uint32_t verdict = answer[BH_OUT_VERDICT];
    return Rehearsal{
        .action = run->action,
        .verdict = static_cast<bh_verdict>(verdict & 0xff),
        .reason = static_cast<bh_reason>((verdict >> 8) & 0xff),
        .original = static_cast<bh_reason>((verdict >> 16) & 0xff),
        .src_identity = answer[BH_OUT_SRC_IDENTITY],
        .dst_identity = answer[BH_OUT_DST_IDENTITY],
        .origin = answer[BH_OUT_ORIGIN],
        .judged = answer[BH_OUT_JUDGED] != 0,
        .mark = run->context.mark,
    };
}

} // namespace bulkhead::datapath
