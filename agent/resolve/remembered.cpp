// SPDX-License-Identifier: Apache-2.0
#include "resolve/remembered.h"

#include <algorithm>

namespace bulkhead::resolve {

namespace {

class Recollection {
public:
    Recollection(const Remembered& remembered, const std::set<Question>& questions,
                 const std::set<std::string>& hostnames)
        : remembered_(remembered), hostnames_(hostnames) {
        for (const auto& question : questions)
            asked_.emplace(question.origin(), question);
    }

    Recalled all() && {
        for (const auto& address : remembered_.addresses) {
            const auto origins = remembered_.origins.find(address);
            if (origins == remembered_.origins.end() || origins->second.empty())
                recalled_.of_nobody.add(address, remembered_.owners);
            else if (!add(address, origins->second))
                recalled_.of_others.add(address, remembered_.owners);
        }
        recalled_.is_replaced = is_replaced();
        return std::move(recalled_);
    }

private:
    /// Whether something that is still asked found it.
    bool add(const Cidr& address, const std::set<Origin>& origins) {
        bool is_asked = false;
        for (const auto& origin : origins) {
            const auto question = asked_.find(origin.question);
            if (question != asked_.end())
                add(address, question->second, origin.name);
            else if (!hostnames_.contains(origin.name))
                continue;
            if (!origin.name.empty()) recalled_.names[origin.name].add(address, remembered_.owners);
            is_asked = true;
        }
        return is_asked;
    }

    void add(const Cidr& address, const Question& question, const std::string& name) {
        auto& found = recalled_.questions[question];
        if (name.empty())
            found.cidrs.insert(address);
        else
            found.names.insert(name);
        const auto owners = remembered_.owners.find(address);
        if (owners == remembered_.owners.end()) return;
        auto& of_it = name.empty() ? found.owners[address] : found.name_owners[name];
        of_it.insert(owners->second.begin(), owners->second.end());
    }

    bool is_replaced() const {
        return std::ranges::any_of(asked_,
                                   [&](const auto& one) { return !recalled_.questions.contains(one.second); }) ||
               std::ranges::any_of(hostnames_, [&](const auto& name) { return !recalled_.names.contains(name); });
    }

    const Remembered& remembered_;
    const std::set<std::string>& hostnames_;
    std::map<std::string, Question> asked_; // by origin
    Recalled recalled_;
};

} // namespace

Recalled recall(const Remembered& remembered, const std::set<Question>& questions,
                const std::set<std::string>& hostnames) {
    return Recollection(remembered, questions, hostnames).all();
}

} // namespace bulkhead::resolve
