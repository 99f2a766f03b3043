// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/output.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <csignal>
#include <cstdint>

namespace bulkhead::ctl {

namespace {

constexpr int kLastWaitMs = 1000; // for a reader who takes nothing, once an end was asked for

volatile std::sig_atomic_t g_interrupted = 0;
volatile std::sig_atomic_t g_event_fd = -1;

void note_interrupt(int) {
    const int kept = errno;
    const uint64_t one = 1;
    g_interrupted = 1;
    if (write(g_event_fd, &one, sizeof one) < 0) {
    } // the flag alone then has to do
    errno = kept;
}

/// Without SA_RESTART, so that a write to a terminal that was stopped ends too.
void catch_signals() {
    struct sigaction action {};
    action.sa_handler = note_interrupt;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);
}

} // namespace

Result<Output> Output::to_stdout() {
    Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.valid()) return fail("make an eventfd", errno);
    g_event_fd = event.get();
    catch_signals();
    return Output(std::move(event));
}

void Output::write(std::string_view text) {
    while (!text.empty() && !closed_ && wait_for_room()) {
        const auto written = ::write(STDOUT_FILENO, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
        if (written >= 0) {
            text.remove_prefix(static_cast<size_t>(written));
        } else if (errno != EINTR && errno != EAGAIN) { // somebody else may have made it so that it doesn't wait
            closed_ = true;
            if (errno != EPIPE) failure_ = errno;
        }
    }
}

/// For PIPE_BUF bytes: where poll() says so, a write of no more doesn't wait (pipe(7)). False: whoever asked for an end
/// isn't kept by a reader who takes nothing.
bool Output::wait_for_room() {
    for (;;) {
        const bool is_last = g_interrupted != 0;
        std::array<pollfd, 2> waits{{{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0},
                                     {.fd = is_last ? -1 : interrupted_.get(), .events = POLLIN, .revents = 0}}};
        const int ready = poll(waits.data(), waits.size(), is_last ? kLastWaitMs : -1);
        if (waits[0].revents != 0 && ready > 0) return true;
        if (is_last && ready == 0) {
            closed_ = true;
            return false;
        }
    }
}

bool Output::ended() const {
    return closed_ || g_interrupted != 0;
}

bool reader_has_gone() {
    pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
    return poll(&output, 1, 0) > 0 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

} // namespace bulkhead::ctl
