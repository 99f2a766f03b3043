// SPDX-License-Identifier: Apache-2.0
//
// Which groups and keys of tags EC2 is asked for in one pass, by how former passes ended: all of them in one, unless
// the answer to that is too large.
//
//   together too large   its halves are asked for, in the same sweep. They stay apart until they are small enough to be
//                        one again, so that no sweep throws an answer away.
//   alone too large      is told to be so, and asked for in each fifth sweep only, when all else has been asked for.
//
// A sweep divides a few times only, and goes deep first, so that it comes to something that fits; the next one goes on
// with the rest. Where nothing fits at all it isn't what is asked for, but who answers: it stays together, and is
// divided in each fifth sweep only.
//
// Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "resolve/question.h"

namespace bulkhead::resolve {

/// What EC2 is asked for on behalf of a question about interfaces, or of several.
struct Subject {
    Question::Kind kind; // a security group, or a key of tags
    std::string name;
    auto operator<=>(const Subject&) const = default;
};

class Passes {
public:
    using Subjects = std::set<Subject>;

    static constexpr unsigned kEach = 5; // th sweep
    static constexpr int kMostDivisions = 10;

    /// `most`: bytes that the answer to one may have.
    explicit Passes(size_t most) : most_(most) {}

    /// A sweep begins, about these.
    void begin(const Subjects& all);

    /// What to ask for next; empty: nothing. How it ended is said by one of the two that follow, or by none if it
    /// failed for another reason.
    Subjects next();
    void fits(size_t bytes);
    /// Whether it comes again, in halves.
    bool too_large(const aws::Failure& failure);

    /// Too large alone, and as yet not asked for again.
    const std::map<Subject, aws::Failure>& large() const { return large_; }

    /// All else has been asked for: now next() has those too that were too large alone, if it is their turn.
    void begin_large();

private:
    struct Part {
        Subjects subjects;
        size_t bytes; // of the last answer, or as many as there may be
        bool is_first_half = false;
    };

    void forget_all_but(const Subjects& all);
    void join();
    void add(Subjects fresh);
    void divide(const Part& part, std::vector<Part>::iterator before);

    size_t most_;
    std::vector<Part> parts_;
    size_t asked_ = 0; // of the parts, in this sweep
    std::map<Subject, aws::Failure> large_;
    Subjects turn_; // of those too large alone
    unsigned sweeps_ = 0;
    int divisions_ = 0; // in this sweep
    bool some_fit_ = false;
};

} // namespace bulkhead::resolve
