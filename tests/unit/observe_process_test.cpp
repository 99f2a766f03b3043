// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include "observe/process.h"

using namespace bulkhead::observe;

TEST_CASE("the process is as the kernel says: its age, memory, time and descriptors") {
    const auto before = look_at_process();
    REQUIRE(before);
    const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    CHECK(before->start_seconds <= now + 1);
    CHECK(before->start_seconds > now - 3600);
    CHECK(before->resident_bytes > 1 << 20);
    CHECK(before->virtual_bytes >= before->resident_bytes);
    CHECK(before->max_fds >= before->open_fds);

    std::vector<char> memory(64 << 20, 1);
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    volatile uint64_t sum = 0;
    while (look_at_process()->cpu_seconds < before->cpu_seconds + 0.02)
        for (const char each : memory)
            sum = sum + static_cast<uint64_t>(each);
    const auto after = look_at_process();
    CHECK(after->open_fds == before->open_fds + 1);
    CHECK(after->resident_bytes > before->resident_bytes + (32 << 20));
    close(fd);
}
