// SPDX-License-Identifier: Apache-2.0
#include "resolve/asker.h"

#include <algorithm>
#include <utility>

#include "aws/key_chain.h"
#include "aws/named.h"
#include "aws/subnets.h"
#include "aws/tagged.h"

namespace bulkhead::resolve {

namespace {

using Kind = Question::Kind;

std::set<Question> of_kinds(const std::set<Question>& questions, std::initializer_list<Kind> kinds) {
    std::set<Question> some;
    for (const auto& question : questions)
        if (std::ranges::find(kinds, question.kind) != kinds.end()) some.insert(question);
    return some;
}

std::set<std::string> names_in(const std::set<Question>& questions) {
    std::set<std::string> names;
    for (const auto& question : questions)
        if (!question.name.empty()) names.insert(question.name);
    return names;
}

/// One key of each is enough to find all that have all its tags.
Subject subject_of(const Question& question) {
    const bool by_tags = question.kind == Kind::kInterfaceTags;
    return {.kind = question.kind, .name = by_tags ? question.tags.begin()->first : question.name};
}

Passes::Subjects subjects_of(const std::set<Question>& questions) {
    Passes::Subjects subjects;
    for (const auto& question : questions)
        subjects.insert(subject_of(question));
    return subjects;
}

std::set<Question> about(const Passes::Subjects& subjects, const std::set<Question>& questions) {
    std::set<Question> some;
    for (const auto& question : questions)
        if (subjects.contains(subject_of(question))) some.insert(question);
    return some;
}

aws::InterfaceQuestion one_pass(const Passes::Subjects& subjects) {
    aws::InterfaceQuestion pass;
    for (const auto& [kind, name] : subjects)
        (kind == Kind::kInterfaceTags ? pass.tag_keys : pass.groups).insert(name);
    return pass;
}

bool is_meant(const aws::Interface& interface, const Question& question) {
    if (question.kind == Kind::kInterfaceTags) return aws::has_tags(interface.tags, question.tags);
    return std::ranges::find(interface.groups, question.name) != interface.groups.end();
}

std::string value_of(const aws::Tags& tags, const std::string& key) {
    const auto tag = tags.find(key);
    return key.empty() || tag == tags.end() ? "" : tag->second;
}

state::OwnerTags owner_by(const Question& question, const aws::Tags& tags) {
    return {.tenant = value_of(tags, question.tenant_tag), .level = value_of(tags, question.level_tag)};
}

/// What a thing with these tags has.
void add(const Question& question, const aws::Tags& tags, const std::vector<Cidr>& cidrs, Found& found) {
    const auto owner = owner_by(question, tags);
    found.cidrs.insert(cidrs.begin(), cidrs.end());
    if (owner.empty()) return;
    for (const auto& cidr : cidrs)
        found.owners[cidr].insert(owner);
}

void add_names(const Question& question, const aws::Tags& tags, const std::set<std::string>& names, Found& found) {
    const auto owner = owner_by(question, tags);
    found.names.insert(names.begin(), names.end());
    if (owner.empty()) return;
    for (const auto& name : names)
        found.name_owners[name].insert(owner);
}

/// What can't be read of one must not look like an address less.
void add(const Question& question, const aws::Interface& interface, aws::Answer<Found>& found) {
    if (!interface.fault.empty()) found = aws::failure(aws::Failure::Kind::kUnreadable, interface.fault);
    if (!found) return;
    auto cidrs = interface.prefixes;
    for (const auto& address : interface.addresses)
        cidrs.push_back(Cidr::of(address));
    add(question, interface.tags, cidrs, *found);
}

/// A subnet or list that was named and isn't there: the resource means something else than it did, or nothing yet.
aws::Failure missing(const Question& question) {
    return {.kind = aws::Failure::Kind::kRefused, .text = "there is no such thing", .code = question.name};
}

} // namespace

struct Asker::Connection {
    std::unique_ptr<aws::Http> http;
    aws::Client client;
    aws::Credentials base;
    std::optional<aws::Credentials> assumed{};

    Connection(std::unique_ptr<aws::Http> of, aws::Endpoints endpoints, aws::Throttle& throttle,
               const aws::Environment& environment, const state::AwsPlace& place)
        : http(std::move(of)), client(*http, std::move(endpoints), throttle, aws::Clock::real()),
          base(std::make_unique<aws::KeyChain>(environment, place.region, *http, client), aws::Clock::real()) {
        if (place.role.empty()) return;
        const aws::Role role{.arn = place.role, .external_id = place.external_id};
        assumed.emplace(std::make_unique<aws::AssumedRole>(client, base, place.region, role), aws::Clock::real());
    }

    aws::Credentials& credentials() { return assumed ? *assumed : base; }
};

Asker::Asker(const aws::Environment& environment, state::AwsPlace place, aws::Throttle& throttle,
             aws::OwnAccount& own_account, size_t most)
    : environment_(environment), place_(std::move(place)), throttle_(throttle), own_account_(own_account), most_(most) {
}

Asker::~Asker() = default;

aws::Answer<> Asker::connect() {
    if (connection_) return {};
    using Failed = aws::Failure::Kind;
    if (!place_.unsaid.empty()) return aws::failure(Failed::kRefused, place_.unsaid);
    if (place_.region.empty())
        return aws::failure(Failed::kRefused, "no region is set: by spec.aws.region, or for all by --aws-region");
    auto http = aws::Http::create();
    if (!http) return aws::failure(Failed::kUnavailable, http.error().text);
    auto endpoints = aws::Endpoints::create(environment_);
    if (!endpoints) return aws::failure(Failed::kRefused, endpoints.error().text);
    connection_ =
        std::make_unique<Connection>(std::move(*http), std::move(*endpoints), throttle_, environment_, place_);
    return {};
}

/// Who asks as itself has its own budget, whatever the account is called.
void Asker::find_own_account(const std::stop_token& stop) {
    if (place_.role.empty()) return;
    aws::Caller caller(connection_->client, connection_->base, {.region = place_.region}, stop);
    own_account_.find_out([&] { return aws::caller_identity(caller); }, stop);
}

void Asker::ask(const Order& order, const std::stop_token& stop, const Take& take) {
    const auto hand_over = [&] {
        if (!outcomes_.empty() && !stop.stop_requested()) take(std::exchange(outcomes_, {}));
    };
    if (const auto connected = connect(); !connected) {
        fail_all(order.questions, connected.error());
        return hand_over();
    }
    find_own_account(stop);
    aws::Caller caller(connection_->client, connection_->credentials(),
                       {.account = aws::account_of(place_.role), .region = place_.region}, stop);
    const auto& all = order.questions;
    const auto of_interfaces = of_kinds(all, {Kind::kSecurityGroup, Kind::kInterfaceTags});
    passes_.begin(subjects_of(of_interfaces));
    for (const auto& [subject, failure] : passes_.large())
        fail_all(about({subject}, of_interfaces), failure);
    ask_passes(of_interfaces, order.cluster, caller, hand_over);
    ask_subnets(of_kinds(all, {Kind::kSubnet}), caller);
    hand_over();
    ask_prefix_lists(of_kinds(all, {Kind::kPrefixList}), caller);
    hand_over();
    ask_tagged(of_kinds(all, {Kind::kResourceTags}), caller); // it may take many calls
    hand_over();
    passes_.begin_large();
    ask_passes(of_interfaces, order.cluster, caller, hand_over);
}

void Asker::ask_passes(const Questions& questions, const aws::OwnCluster& cluster, aws::Caller& caller,
                       const std::function<void()>& hand_over) {
    for (auto pass = passes_.next(); !pass.empty(); pass = passes_.next()) {
        ask_pass(pass, about(pass, questions), cluster, caller);
        hand_over();
    }
}

void Asker::ask_pass(const Passes::Subjects& subjects, const Questions& questions, const aws::OwnCluster& cluster,
                     aws::Caller& caller) {
    aws::Room room{.most = most_};
    const auto answer = aws::describe_interfaces(caller, one_pass(subjects), room);
    // One that means too much must not cost the others their answers.
    if (!answer && answer.error().kind == aws::Failure::Kind::kTooLarge && passes_.too_large(answer.error())) return;
    if (!answer) return fail_all(questions, answer.error());
    passes_.fits(room.used);
    std::map<Question, aws::Answer<Found>> found;
    for (const auto& question : questions)
        found.try_emplace(question);
    for (const auto& [id, interface] : *answer) {
        if (aws::is_nodes(interface, cluster)) continue;
        for (auto& [question, of_it] : found)
            if (is_meant(interface, question)) add(question, interface, of_it);
    }
    for (auto& [question, of_it] : found)
        outcomes_.push_back({.question = question, .found = std::move(of_it)});
}

void Asker::ask_subnets(const Questions& questions, aws::Caller& caller) {
    if (questions.empty()) return;
    const auto answer = aws::describe_subnets(caller, names_in(questions));
    if (!answer) return fail_all(questions, answer.error());
    for (const auto& question : questions) {
        const auto subnet = answer->find(question.name);
        if (subnet == answer->end()) {
            fail_all({question}, missing(question));
            continue;
        }
        Found found;
        add(question, subnet->second.tags, subnet->second.cidrs, found);
        say(question, std::move(found));
    }
}

/// A name may be that of several lists.
void Asker::ask_prefix_lists(const Questions& questions, aws::Caller& caller) {
    if (questions.empty()) return;
    auto answer = aws::describe_prefix_lists(caller, names_in(questions), known_lists_);
    if (!answer) return fail_all(questions, answer.error());
    known_lists_ = std::move(*answer);
    for (const auto& question : questions) {
        Found found;
        bool is_there = false;
        for (const auto& [id, list] : known_lists_) {
            if (id != question.name && list.name != question.name) continue;
            is_there = true;
            add(question, list.tags, list.entries, found);
        }
        if (is_there)
            say(question, std::move(found));
        else
            fail_all({question}, missing(question));
    }
}

void Asker::ask_tagged(const Questions& questions, aws::Caller& caller) {
    if (questions.empty()) return;
    const auto tagged = aws::tagged_resources(caller);
    if (!tagged) return fail_all(questions, tagged.error());
    const auto databases = aws::describe_databases(caller);
    if (!databases) return fail_all(questions, databases.error());
    const auto caches = aws::describe_caches(caller);
    if (!caches) return fail_all(questions, caches.error());
    for (const auto& question : questions) {
        Found found;
        for (const auto& [arn, tags] : *tagged) {
            if (!aws::has_tags(tags, question.tags)) continue;
            for (const auto* named : {&*databases, &*caches})
                if (const auto names = named->find(arn); names != named->end())
                    add_names(question, tags, names->second, found);
        }
        say(question, std::move(found));
    }
}

void Asker::say(const Question& question, Found found) {
    outcomes_.push_back({.question = question, .found = std::move(found)});
}

void Asker::fail_all(const Questions& questions, const aws::Failure& failure) {
    for (const auto& question : questions)
        outcomes_.push_back({.question = question, .found = tl::unexpected(failure)});
}

aws::Credentials::View Asker::credentials() const {
    return connection_ ? connection_->credentials().view() : aws::Credentials::View{};
}

} // namespace bulkhead::resolve
