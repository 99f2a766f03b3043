// SPDX-License-Identifier: Apache-2.0
#include "datapath/program_runs.h"

#include <bpf/bpf.h>

#include "datapath/hook.h"

namespace bulkhead::datapath {

std::vector<ProgramRuns> program_runs(const Programs& programs) {
    std::vector<ProgramRuns> all;
    for (const Hook hook : kHooks) {
        bpf_prog_info info{};
        uint32_t size = sizeof info;
        if (bpf_obj_get_info_by_fd(program_of(programs, hook), &info, &size) != 0 || info.run_cnt == 0) continue;
        all.push_back({.program = name_of(hook), .runs = info.run_cnt, .nanoseconds = info.run_time_ns});
    }
    return all;
}

} // namespace bulkhead::datapath
