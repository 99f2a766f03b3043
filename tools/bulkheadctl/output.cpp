// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/output.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace bulkhead::ctl {

namespace {

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

/// Without SA_RESTART, so that a write to a full pipe ends too.
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
    while (!text.empty() && !ended()) {
        const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0)
            text.remove_prefix(static_cast<size_t>(written));
        else if (errno == EAGAIN) { // somebody else made it so
            pollfd wait{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            closed_ = true;
            if (errno != EPIPE) failure_ = errno;
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
