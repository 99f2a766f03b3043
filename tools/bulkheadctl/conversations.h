// SPDX-License-Identifier: Apache-2.0
//
// `bulkheadctl conversations`: what this node's pods remember, chosen by the filters of `flows` and printed as it
// comes.
#pragma once

#include <string>
#include <vector>

#include "bulkheadctl/flows.h"
#include "flow/conversation.h"

namespace bulkhead::ctl {

struct ConversationsOptions {
    FlowsOptions flows; // its filters, since, until, names and colour
    std::optional<size_t> limit;
    std::string output = "table";
};

/// `options` has to outlive the app.
void add_conversations_options(CLI::App& command, ConversationsOptions& options);

/// Returns how the program ends.
int show_conversations(ConversationsOptions options, const Whom& whom);

/// "2d 3h", "1h 20m", "4m 5s", "7s"
std::string length_text(std::chrono::seconds length);

/// Rows come while they are read, so columns only grow.
class ConversationTable {
public:
    ConversationTable(bool names, bool colour, size_t width) : names_(names), colour_(colour), width_(width) {}

    void add(const flow::Conversation& conversation);

    /// What was added since the last time, below the headers if it is the first.
    std::string take();

private:
    bool names_;
    bool colour_;
    size_t width_;
    std::vector<std::vector<std::string>> rows_;
    std::vector<bh_verdict> verdicts_; // of the rows
    std::vector<size_t> widths_;
};

} // namespace bulkhead::ctl
