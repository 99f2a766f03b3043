// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/flows.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "bulkheadctl/client.h"
#include "bulkheadctl/colour.h"
#include "bulkheadctl/exits.h"
#include "bulkheadctl/flow_lines.h"
#include "bulkheadctl/output.h"

namespace bulkhead::ctl {

namespace {

constexpr size_t kLastUnlessAsked = 20;

FlowFormat format_of(const std::string& name) {
    if (name == "json") return FlowFormat::kJson;
    if (name == "table") return FlowFormat::kTable;
    return name == "dict" ? FlowFormat::kDict : FlowFormat::kCompact;
}

Result<> complete(FlowsOptions& options) {
    auto& query = options.query;
    const auto now = flow::now();
    const auto read = [&](const char* name, const std::string& text, std::optional<flow::Time>& into) -> Result<> {
        if (text.empty()) return {};
        const auto time = flow::parse_time(text, now);
        if (!time) return within(name, time.error());
        into = *time;
        return {};
    };
    if (const auto done = read("--since", options.since, query.since); !done) return done;
    if (const auto done = read("--until", options.until, query.until); !done) return done;
    query.follow = options.follow;
    query.last = options.last;
    const bool says_how_many = query.last || options.all || query.since || query.until || query.follow;
    if (!says_how_many && options.input_file.empty()) query.last = kLastUnlessAsked;
    // Whoever follows gets nothing of the past unasked.
    if (options.all && query.follow) query.since = flow::Time{};
    return {};
}

class Run {
public:
    Run(const FlowsOptions& options, FlowPrinter printer, Output output)
        : options_(options), printer_(std::move(printer)), output_(std::move(output)) {}

    int from_agent(const Whom& whom) {
        FlowLines lines("the agent's answer", nullptr, printer_, teller());
        const Taker taker{.bytes = [&](std::string_view bytes) { take(lines, bytes); },
                          .enough = [&] { return enough(); },
                          .wakes = {output_.interrupted_fd(), STDOUT_FILENO}};
        const auto done = ask_stream(whom, "/v1/flows", flow::parameters_of(options_.query), taker);
        lines.finish(enough());
        output_.write(printer_.take());
        if (!done) return complain(done.error(), exit_of(done.error()));
        if (lines.broken()) return complain(Error{"the agent has ended the stream: " + *lines.broken()}, kBrokenOff);
        if (options_.query.follow && !enough())
            return complain(Error{"the agent has ended the stream: it stops"}, kBrokenOff);
        return outcome(lines);
    }

    int from_file(const std::string& path) {
        const bool is_stdin = path == "-";
        const Fd opened(is_stdin ? -1 : open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!is_stdin && !opened.valid()) return complain(Error{"open " + path + ": " + std::strerror(errno)}, kUsage);
        FlowLines lines(is_stdin ? "stdin" : path, &options_.query, printer_, teller());
        const auto done = read_all(is_stdin ? STDIN_FILENO : opened.get(), lines);
        lines.finish(enough());
        output_.write(printer_.take());
        if (!done) return complain(Error{"read " + path + ": " + done.error().text}, kProblems);
        if (lines.broken()) complain(Error{"the stream that was kept here ended early: " + *lines.broken()}, kDone);
        return outcome(lines);
    }

private:
    /// What stands between flows is told after those before it.
    FlowLines::Complain teller() {
        return [this](const std::string& text) {
            output_.write(printer_.take());
            complain(Error{text}, kDone);
        };
    }

    bool enough() const { return output_.ended() || reader_has_gone(); }

    void take(FlowLines& lines, std::string_view bytes) {
        lines.feed(bytes);
        output_.write(printer_.take());
    }

    Result<> read_all(int fd, FlowLines& lines) {
        std::array<char, 64 << 10> buffer{};
        while (!enough()) {
            std::array<pollfd, 3> waits{{{.fd = fd, .events = POLLIN, .revents = 0},
                                         {.fd = output_.interrupted_fd(), .events = POLLIN, .revents = 0},
                                         {.fd = STDOUT_FILENO, .events = 0, .revents = 0}}};
            if (poll(waits.data(), waits.size(), -1) < 0 || waits[0].revents == 0) continue;
            const auto size = read(fd, buffer.data(), buffer.size());
            if (size == 0) return {};
            if (size < 0 && errno != EINTR && errno != EAGAIN) return fail("its content", errno);
            if (size > 0) take(lines, std::string_view(buffer.data(), static_cast<size_t>(size)));
        }
        return {};
    }

    int outcome(const FlowLines& lines) const {
        if (output_.failure() != 0)
            return complain(Error{std::string("write: ") + std::strerror(output_.failure())}, kProblems);
        return lines.unreadable() == 0 ? kDone : kProblems;
    }

    const FlowsOptions& options_;
    FlowPrinter printer_;
    Output output_;
};

} // namespace

int show_flows(FlowsOptions options, const Whom& whom) {
    if (const auto done = complete(options); !done) return complain(done.error(), kUsage);
    const auto time_format = flow::parse_time_format(options.time_format);
    if (!time_format) return complain(Error{"--time-format: " + time_format.error().text}, kUsage);
    const FlowStyle style{
        .time_format = *time_format,
        .now = {},
        .names = !options.no_names,
        .colour = wants_colour(options.colour, isatty(STDOUT_FILENO) == 1, getenv("NO_COLOR"), getenv("TERM"))};
    auto output = Output::to_stdout();
    if (!output) return complain(output.error(), kProblems);
    Run run(options, FlowPrinter(format_of(options.output), style, row_width()), std::move(*output));
    return options.input_file.empty() ? run.from_agent(whom) : run.from_file(options.input_file);
}

} // namespace bulkhead::ctl
