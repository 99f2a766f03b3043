// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/conversations.h"
#include "bulkheadctl/parse_json.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <tuple>

#include <CLI/CLI.hpp>

#include "bulkheadctl/client.h"
#include "bulkheadctl/colour.h"
#include "bulkheadctl/exits.h"
#include "bulkheadctl/output.h"
#include "bulkheadctl/splitter.h"
#include "bulkheadctl/table.h"
#include "flow/stream.h"
#include "flow/time.h"

namespace bulkhead::ctl {

namespace {

/// The agent's lines, on their way to stdout.
class ConversationLines {
public:
    ConversationLines(const ConversationsOptions& options, Output& output)
        : is_json_(options.output == "json"), output_(output),
          table_(!options.flows.no_names,
                 wants_colour(options.flows.colour, isatty(STDOUT_FILENO) == 1, getenv("NO_COLOR"), getenv("TERM")),
                 row_width()),
          splitter_([this](std::string_view line, bool) { take(line); }) {}

    void feed(std::string_view bytes) {
        splitter_.feed(bytes);
        flush();
    }
    /// A line that was cut where somebody had enough is none.
    void finish(bool is_cut) {
        if (!is_cut) splitter_.finish();
        flush();
    }

    /// Why the stream ended before its end, or what isn't a conversation in it; empty = all is well.
    const std::string& trouble() const { return trouble_; }
    bool is_empty() const { return count_ == 0; }

private:
    void take(std::string_view line) {
        const auto json = parse_json(line).value_or(flow::Json());
        if (json.is_object() && json.contains("error") && json["error"].is_string()) {
            trouble_ = json["error"].get<std::string>();
            return;
        }
        const auto conversation = flow::parse_conversation(json);
        if (!conversation) {
            trouble_ = "a line is no conversation: " + conversation.error().text;
            return;
        }
        ++count_;
        if (is_json_)
            text_ += flow::line_of(json);
        else
            table_.add(*conversation);
    }

    void flush() {
        output_.write(text_);
        text_.clear();
        output_.write(table_.take());
    }

    bool is_json_;
    Output& output_;
    ConversationTable table_;
    LineSplitter splitter_;
    std::string text_;
    std::string trouble_;
    size_t count_ = 0;
};

Result<Query> parameters_of(const ConversationsOptions& options) {
    auto query = options.flows.query;
    const auto now = flow::now();
    for (const auto& [name, text, into] : {std::tuple{"--since", &options.flows.since, &query.since},
                                           std::tuple{"--until", &options.flows.until, &query.until}}) {
        if (text->empty()) continue;
        const auto time = flow::parse_time(*text, now);
        if (!time) return within(name, time.error());
        *into = *time;
    }
    auto parameters = flow::parameters_of(query);
    if (options.limit) parameters.emplace_back("limit", std::to_string(*options.limit));
    return parameters;
}

} // namespace

void add_conversations_options(CLI::App& command, ConversationsOptions& options) {
    command.footer(std::string("Filters that are repeated are alternatives, different ones must all hold.\n"
                               "  bulkheadctl conversations --pod payments/ledger-0 --to-port 5432\n"
                               "  bulkheadctl conversations --from-kind world -o json\n\n") +
                   kExitCodes);
    constexpr const char* kWhich = "Which";
    command.add_option("--limit", options.limit, "so many at most")->check(CLI::PositiveNumber)->group(kWhich);
    command.add_option("--since", options.flows.since, "seen since: 5m, 2h, 3d ago, or RFC 3339")->group(kWhich);
    command.add_option("--until", options.flows.until, "not seen since, likewise")->group(kWhich);
    add_filters(command, options.flows);
    constexpr const char* kForm = "How it is printed";
    command.add_option("-o,--output", options.output, "table, or json (one object on each line)")
        ->check(CLI::IsMember({"table", "json"}))
        ->option_text("FORM")
        ->group(kForm);
    command.add_flag("--no-names", options.flows.no_names, "addresses instead of names; never for json")->group(kForm);
    add_colour(command, options.flows.colour)->group(kForm);
}

int show_conversations(ConversationsOptions options, const Whom& whom) {
    const auto parameters = parameters_of(options);
    if (!parameters) return complain(parameters.error(), kUsage);
    auto output = Output::to_stdout();
    if (!output) return complain(output.error(), kProblems);
    ConversationLines lines(options, *output);
    const Taker taker{.bytes = [&](std::string_view bytes) { lines.feed(bytes); },
                      .enough = [&] { return output->ended() || reader_has_gone(); },
                      .wakes = {output->interrupted_fd(), STDOUT_FILENO}};
    const auto done = ask_stream(whom, "/v1/conversations", *parameters, taker);
    lines.finish(taker.enough());
    if (!done) return complain(done.error(), exit_of(done.error()));
    if (!lines.trouble().empty()) return complain(Error{lines.trouble()}, kBrokenOff);
    if (lines.is_empty() && options.output != "json")
        output->write("No conversation that was asked for is remembered.\n");
    if (output->failure() != 0)
        return complain(Error{std::string("write: ") + std::strerror(output->failure())}, kProblems);
    return kDone;
}

} // namespace bulkhead::ctl
