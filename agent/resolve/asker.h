// SPDX-License-Identifier: Apache-2.0
//
// Asks AWS the questions of one place: one role's, in one region. All of one kind go into one filtered pass, so what
// that costs depends on what there is, not on how many resources name it; what would be too large an answer goes into
// several (passes.h). Whatever goes wrong fails the questions that needed it, and no others. Blocks; one thread.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "aws/caller.h"
#include "aws/interfaces.h"
#include "aws/own_account.h"
#include "aws/prefix_lists.h"
#include "resolve/passes.h"
#include "resolve/question.h"

namespace bulkhead::resolve {

struct Order {
    std::set<Question> questions;
    aws::OwnCluster cluster{};
    bool operator==(const Order&) const = default;
};

class Asker {
public:
    using Take = std::function<void(std::vector<Outcome>)>;

    /// `throttle` and `own_account` outlive it. `most`: bytes that the answer to one pass over interfaces may have.
    Asker(const aws::Environment& environment, state::AwsPlace place, aws::Throttle& throttle,
          aws::OwnAccount& own_account, size_t most = aws::kLargestLookUp);
    ~Asker();

    /// Hands over one outcome for each question, well or not, once each: those of a pass as soon as it is over.
    void ask(const Order& order, const std::stop_token& stop, const Take& take);

    /// Of the keys that calls are signed with.
    aws::Credentials::View credentials() const;

private:
    using Questions = std::set<Question>;
    struct Connection;

    aws::Answer<> connect();
    void find_own_account(const std::stop_token& stop);
    void ask_passes(const Questions& questions, const aws::OwnCluster& cluster, aws::Caller& caller,
                    const std::function<void()>& hand_over);
    void ask_pass(const Passes::Subjects& subjects, const Questions& questions, const aws::OwnCluster& cluster,
                  aws::Caller& caller);
    void ask_subnets(const Questions& questions, aws::Caller& caller);
    void ask_prefix_lists(const Questions& questions, aws::Caller& caller);
    void ask_tagged(const Questions& questions, aws::Caller& caller);
    void say(const Question& question, Found found);
    void fail_all(const Questions& questions, const aws::Failure& failure);

    const aws::Environment environment_;
    const state::AwsPlace place_;
    aws::Throttle& throttle_;
    aws::OwnAccount& own_account_;
    std::unique_ptr<Connection> connection_;
    std::vector<Outcome> outcomes_; // of this pass
    const size_t most_;
    Passes passes_{most_};
    aws::PrefixLists known_lists_;
};

} // namespace bulkhead::resolve
