// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include <utility>

#include "bulkheadctl/exits.h"
#include "bulkheadctl/flows.h"
#include "flow/time.h"

namespace bulkhead::ctl {

namespace {

constexpr const char* kOfAnEnd = "Filters of an end (each also as --from-NAME and --to-NAME)";
constexpr const char* kOther = "Filters of the whole";
constexpr const char* kHidden = "";

/// What a value is completed from; the value itself is checked where it is read.
CLI::Validator choices(const std::vector<std::string>& names) {
    return CLI::Validator("{" + CLI::detail::join(names, ",") + "}");
}

void add_value(FlowsOptions& options, const std::string& name, const std::string& value) {
    const bool is_negated = std::exchange(options.negates_next, false);
    const auto added = options.query.filter.add((is_negated ? std::string(flow::kNot) : "") + name, value);
    if (added) return;
    const auto text = added.error().text.substr(is_negated ? flow::kNot.size() : 0);
    throw CLI::ValidationError((is_negated ? "--not --" : "--") + text);
}

void add_filter(CLI::App& command, FlowsOptions& options, const flow::FilterKind& kind, std::string_view side) {
    const auto name = std::string(side) + std::string(kind.name);
    const bool has_letter = side.empty() && !kind.letter.empty();
    auto* option = command.add_option_function<std::string>(
        (has_letter ? "-" + std::string(kind.letter) + "," : "") + "--" + name,
        [&options, name](const std::string& value) { add_value(options, name, value); }, std::string(kind.help));
    option->trigger_on_parse()->option_text(std::string(kind.value));
    option->group(!side.empty() ? kHidden : kind.of_an_end ? kOfAnEnd : kOther);
    if (!kind.choices.empty()) option->check(choices(kind.choices));
}

void add_selection(CLI::App& command, FlowsOptions& options) {
    constexpr const char* kGroup = "Which";
    auto* follow = command.add_flag("-f,--follow", options.follow, "go on with what comes, until Ctrl-C");
    auto* last = command.add_option("--last", options.last, "the newest so many; 20 if nothing here says otherwise");
    auto* all = command.add_flag("--all", options.all, "everything that is remembered");
    auto* since = command.add_option("--since", options.since,
                                     "from then on: 5m, 1h30m, 3d (so long ago), or RFC 3339, 2026-11-29T03:00:00Z");
    auto* until = command.add_option("--until", options.until, "up to then, likewise");
    auto* file = command.add_option("--input-file", options.input_file,
                                    "flows that -o json has written, instead of the agent's; - is stdin");
    last->check(CLI::NonNegativeNumber)->option_text("N")->excludes(all);
    since->option_text("TIME");
    until->option_text("TIME")->excludes(follow);
    file->option_text("FILE|-")->excludes(follow);
    for (auto* option : {follow, last, all, since, until, file})
        option->group(kGroup);
}

void add_form(CLI::App& command, FlowsOptions& options) {
    constexpr const char* kGroup = "How it is printed";
    auto* output =
        command.add_option("-o,--output", options.output, "compact, table, dict or json (one object on each line)");
    output->check(CLI::IsMember({"compact", "table", "dict", "json"}))->option_text("FORM");
    auto* time = command.add_option("--time-format", options.time_format,
                                    CLI::detail::join(flow::time_format_names(), ", ") + "; UTC; never for json");
    time->check(choices(flow::time_format_names()))->option_text("FORM");
    auto* names = command.add_flag("--no-names", options.no_names, "addresses instead of names; never for json");
    auto* colour = add_colour(command, options.colour);
    for (auto* option : {output, time, names, colour})
        option->group(kGroup);
}

} // namespace

void add_filters(CLI::App& command, FlowsOptions& options) {
    for (const auto& kind : flow::filter_kinds())
        for (const auto side : flow::sides_of(kind))
            add_filter(command, options, kind, side);
    for (const std::string family : {"4", "6"})
        command
            .add_flag_callback(
                "-" + family + ",--ipv" + family, [&options, family] { add_value(options, "family", family); },
                "the same as --family " + family)
            ->trigger_on_parse()
            ->group(kOther);
    command
        .add_flag_callback(
            "--not",
            [&options] {
                if (options.negates_next) throw CLI::ValidationError("--not", "stands twice");
                options.negates_next = true;
            },
            "before a filter: leaves out what it matches")
        ->trigger_on_parse()
        ->group(kOther);
    command.final_callback([&options] {
        if (options.negates_next) throw CLI::ValidationError("--not", "stands before no filter");
    });
}

CLI::Option* add_colour(CLI::App& command, std::string& colour) {
    return command
        .add_option("--color", colour, "auto, always or never; auto is on a terminal, unless NO_COLOR is set")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->option_text("WHEN");
}

void add_flows_options(CLI::App& command, FlowsOptions& options) {
    command.footer(std::string("Filters that are repeated are alternatives, different ones must all hold.\n"
                               "  bulkheadctl flows --namespace blog --tenant payments --not --verdict allowed -f\n"
                               "  bulkheadctl flows --to-resource aurora --since 10m -o json\n\n") +
                   kExitCodes);
    add_selection(command, options);
    add_filters(command, options);
    add_form(command, options);
}

} // namespace bulkhead::ctl
