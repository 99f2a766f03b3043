// SPDX-License-Identifier: Apache-2.0
#include "resolve/finder.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "dns/metrics.h"

namespace bulkhead::resolve {

namespace {

using namespace std::chrono_literals;

constexpr auto kDnsTrouble = "NameNotResolved";
constexpr auto kTooManyNames = "TooManyNames";
constexpr size_t kMostTold = 3; // names that aren't followed, of a resource

state::Time today() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

Remembered memory_of(const std::string& name, const state::AwsResource& resource, const Memories& memories) {
    if (const auto memory = memories.find(name); memory != memories.end()) return memory->second;
    return {.addresses = {resource.found.begin(), resource.found.end()}, .owners = resource.owners};
}

dns::Settings with_grace(dns::Settings settings, Milliseconds grace) {
    settings.keeping.grace = grace;
    return settings;
}

} // namespace

Finder::Finder(Loop& loop, Settings settings, std::function<void()> on_change)
    : loop_(loop), settings_(std::move(settings)), on_change_(std::move(on_change)), answers_(settings_.grace),
      throttle_(settings_.budget, aws::Clock::real(), std::random_device{}()) {
    set_up_dns();
    auto timer = loop_.timer([this] { update(); });
    if (!timer) {
        spdlog::error("addresses that AWS no longer names stay: {}", timer.error().text);
        return;
    }
    timer_ = std::move(*timer);
    timer_->arm_every(std::clamp<Milliseconds>(settings_.grace / 10, 100ms, 1'000ms));
}

/// All at once first: each may take a moment.
Finder::~Finder() {
    for (auto& [place, at] : places_)
        at.sweep->stop();
}

void Finder::set_up_dns() {
    auto follower = dns::Follower::create(loop_, settings_.servers, with_grace(settings_.dns, settings_.grace),
                                          [this] { update(); });
    if (follower)
        dns_ = std::move(*follower);
    else
        dns_error_ = follower.error().text;
}

void Finder::follow(const Resources& resources, const std::set<std::string>& instances, const Memories& memories) {
    const auto is_gone = [&](const auto& one) {
        const auto resource = resources.find(one.first);
        return resource == resources.end() || resource->second.look_ups.empty();
    };
    std::erase_if(followed_, is_gone);
    std::set<Question> questions;
    std::map<std::string, Recalled> recalled;
    for (const auto& [name, resource] : resources) {
        if (resource.look_ups.empty()) continue;
        const auto [place, is_new] = followed_.try_emplace(name);
        auto& followed = place->second;
        Named named{.questions = questions_of(resource, settings_.region), .hostnames = resource.look_ups.hostnames};
        if (is_new)
            recalled.emplace(name, recall(memory_of(name, resource, memories), named.questions, named.hostnames));
        else if (lacks_some_of(named, followed.named) &&
                 (lacks_some_of(followed.named, named) || !followed.finding.is_answered()))
            // What isn't answered yet may be what is gone, by another name.
            followed.carried.keep(followed.finding.addresses, followed.finding.owners);
        followed.named = std::move(named);
        const auto& questions_now = followed.named.questions;
        questions.insert(questions_now.begin(), questions_now.end());
    }
    answers_.follow(questions);
    for (const auto& [name, of_it] : recalled)
        for (const auto& [question, found] : of_it.questions)
            answers_.recall(question, found);
    follow_places(plan_of(resources, settings_.region), instances);
    follow_names();
    for (auto& [name, of_it] : recalled)
        take_over(followed_.at(name), std::move(of_it));
    for (auto& [name, followed] : followed_)
        update(name, followed, std::chrono::steady_clock::now());
}

/// Of a name that isn't followed nobody tells what becomes of its addresses.
void Finder::take_over(Followed& followed, Recalled recalled) {
    for (const auto& [name, had] : recalled.names) {
        if (dns_ && dns_->names().state(name)) {
            std::vector<Address> addresses;
            for (const auto& cidr : had.addresses)
                addresses.push_back(cidr.address);
            dns_->recall(name, addresses);
        } else {
            for (const auto& cidr : had.addresses)
                recalled.of_nobody.add(cidr, had.owners);
        }
    }
    followed.carried = Carried(std::move(recalled.of_nobody.addresses), std::move(recalled.of_nobody.owners));
    if (recalled.is_replaced && !recalled.of_others.addresses.empty())
        followed.carried.keep(recalled.of_others.addresses, recalled.of_others.owners);
}

void Finder::follow_places(const Plan& plan, const std::set<std::string>& instances) {
    std::erase_if(places_, [&](const auto& one) { return !plan.contains(one.first); });
    for (const auto& [place, questions] : plan) {
        auto& at = places_[place];
        if (!at.sweep)
            at.sweep = std::make_unique<Sweep>(
                loop_,
                std::make_unique<Asker>(settings_.environment, place, throttle_, own_account_, settings_.rhythm.seldom),
                settings_.rhythm, [this, place = place](const auto& report) { take(place, report); });
        at.sweep->set_order({.questions = questions, .cluster = {.name = settings_.cluster, .instances = instances}});
    }
}

void Finder::follow_names() {
    if (!dns_) return;
    std::set<std::string> names, wanted;
    for (const auto& [resource, followed] : followed_)
        for (const auto& [name, owners] : names_of(followed)) {
            wanted.insert(name);
            if (owners.is_written || !dns_->names().addresses(name).empty()) names.insert(name);
        }
    wanted_names_ = wanted.size();
    // If there are too many, those come first that have addresses, which would be open to all without them; then those
    // that somebody wrote down, and then those that are followed already.
    for (const bool is_followed : {true, false})
        for (const auto& name : wanted)
            if (names.size() < settings_.dns.most_names && dns_->names().state(name).has_value() == is_followed)
                names.insert(name);
    dns_->follow(names); // one that is too many has no state
    std::erase_if(dates_, [&](const auto& one) { return !names.contains(one.first) && !wanted.contains(one.first); });
}

bool Finder::lacks_some_of(const Named& all, const Named& some) {
    return !std::ranges::includes(all.questions, some.questions) ||
           !std::ranges::includes(all.hostnames, some.hostnames);
}

Finder::FollowedNames Finder::names_of(const Followed& followed) const {
    FollowedNames names;
    for (const auto& name : followed.named.hostnames)
        names[name] = {.is_named = true, .is_written = true};
    for (const auto& question : followed.named.questions) {
        const auto& state = answers_.state(question);
        for (const auto& name : state.names) {
            const bool is_kept = state.kept_names.contains(name);
            auto& owners = names[name];
            owners.is_named |= !is_kept;
            if (const auto of_it = state.name_owners.find(name); of_it != state.name_owners.end())
                (is_kept ? owners.kept : owners.now).insert(of_it->second.begin(), of_it->second.end());
        }
    }
    return names;
}

void Finder::take(const state::AwsPlace& place, const Sweep::Report& report) {
    if (const auto at = places_.find(place); at != places_.end()) at->second.credentials = report.credentials;
    for (const auto& outcome : report.outcomes)
        answers_.take(outcome, std::chrono::steady_clock::now(), today());
    follow_names();
    update();
}

void Finder::update() {
    const auto now = std::chrono::steady_clock::now();
    bool changed = false;
    for (auto& [name, followed] : followed_)
        changed |= update(name, followed, now);
    if (changed) on_change_();
}

bool Finder::update(const std::string& name, Followed& followed, Time now) {
    Finding finding{.settled = true};
    Evidence evidence;
    add_questions(followed, evidence, finding);
    add_names(followed, evidence, finding);
    const bool all_well = finding.is_answered();
    if (followed.carried.pass(all_well, lacking_in(followed), now, patience()))
        spdlog::info("AWSResource {}: all that it names has been answered, and what it had before has been left", name);
    add_held(followed, evidence, finding);
    evidence.carried = {.addresses = followed.carried.addresses(), .owners = followed.carried.owners()};
    auto all = std::move(evidence).all();
    const auto& before = followed.finding;
    limit_owners(all.owners, before.owners);
    const bool is_as_before = all.addresses == before.addresses && all.owners == before.owners;
    finding.addresses = std::move(all.addresses);
    finding.owners = std::move(all.owners);
    finding.changed = is_as_before && before.changed != state::Time{} ? before.changed : today();
    if (finding == followed.finding) return false;
    followed.finding = std::move(finding);
    return true;
}

void Finder::add_questions(const Followed& followed, Evidence& evidence, Finding& finding) const {
    for (const auto& question : followed.named.questions) {
        finding.tenant_tag = question.tenant_tag; // all have the same
        const auto& state = answers_.state(question);
        for (const auto& cidr : state.cidrs)
            (state.kept_cidrs.contains(cidr) ? evidence.kept : evidence.now).add(cidr, state.owners);
        finding.settled &= state.asked();
        if (state.failure)
            finding.troubles.push_back({.reason = reason_of(state.failure->kind),
                                        .text = question.text() + ": " + state.failure->text +
                                                dates_of_trouble(state.failing_since, state.date),
                                        .asked = Asked::aws(question.place),
                                        .since = state.failing_since});
    }
}

void Finder::add_names(const Followed& followed, Evidence& evidence, Finding& finding) {
    std::vector<std::string> unfollowed;
    const auto before_names = finding.troubles.end() - finding.troubles.begin();
    for (const auto& [name, owners] : names_of(followed)) {
        const auto state = dns_ ? dns_->names().state(name) : std::nullopt;
        if (state) {
            for (const auto& address : state->addresses) {
                if (owners.is_named) evidence.now.add(Cidr::of(address), owners.now);
                evidence.kept.add(Cidr::of(address), owners.kept);
            }
            finding.settled &= state->asked;
            note_answer(*state);
            if (!state->error.empty()) add_name_trouble(name, state->error, finding);
        } else if (!dns_) {
            add_name_trouble(name, dns_error_, finding);
        } else {
            unfollowed.push_back(name);
        }
    }
    // Before what is wrong with single names: of those only a few are told.
    if (!unfollowed.empty()) finding.troubles.insert(finding.troubles.begin() + before_names, too_many(unfollowed));
}

Trouble Finder::too_many(const std::vector<std::string>& unfollowed) {
    auto since = today();
    for (const auto& name : unfollowed) {
        auto& failing = dates_[name].failing;
        if (!failing) failing = today();
        since = std::min(since, *failing);
    }
    std::string some;
    for (size_t i = 0; i < std::min(unfollowed.size(), kMostTold); ++i)
        some += (i == 0 ? "" : ", ") + unfollowed[i];
    if (unfollowed.size() > kMostTold) some += " and " + std::to_string(unfollowed.size() - kMostTold) + " more";
    return {.reason = kTooManyNames,
            .text = some + (unfollowed.size() == 1 ? " is" : " are") + " not followed: AWSResources have " +
                    std::to_string(wanted_names_) + " names in all, and at most " +
                    std::to_string(settings_.dns.most_names) + " are; --dns-names raises that bound",
            .asked = {},
            .since = since};
}

Carried::Families Finder::lacking_in(const Followed& followed) const {
    Carried::Families lacking;
    if (!dns_) return lacking;
    for (const auto& [name, owners] : names_of(followed))
        if (const auto state = dns_->names().state(name)) lacking.insert(state->lacking.begin(), state->lacking.end());
    return lacking;
}

/// As where a name had some and DNS says that there is none, but that nobody knows which name's they were.
void Finder::add_held(Followed& followed, const Evidence& evidence, Finding& finding) const {
    size_t held = 0;
    for (const auto& address : followed.carried.held(patience()))
        if (!evidence.now.addresses.contains(address) && !evidence.kept.addresses.contains(address)) ++held;
    if (held == 0) return followed.held_since.reset();
    if (!followed.held_since) followed.held_since = today();
    finding.troubles.push_back({.reason = kDnsTrouble,
                                .text = "DNS says that a name has no address of one family; " + std::to_string(held) +
                                        (held == 1 ? " that was found before is kept for a day, as it may be its"
                                                   : " that were found before are kept for a day, as they may be its"),
                                .asked = {},
                                .since = *followed.held_since});
}

/// While one family fails the other may go on answering: of these one is told, so that what is told stays the same.
void Finder::note_answer(const dns::NameState& state) {
    auto& dates = dates_[state.name];
    if (state.error.empty()) dates.failing.reset();
    if (!state.named_at) { // nothing is in force any more
        dates.answer.reset();
        dates.answered.reset();
        return;
    }
    if ((dates.failing && dates.answered) || dates.answer == state.named_at) return;
    dates.answer = state.named_at;
    dates.answered = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() -
                                                              (std::chrono::steady_clock::now() - *state.named_at));
}

void Finder::add_name_trouble(const std::string& name, const std::string& error, Finding& finding) {
    auto& dates = dates_[name];
    if (!dates.failing) dates.failing = today();
    finding.troubles.push_back({.reason = kDnsTrouble,
                                .text = name + ": " + error + dates_of_trouble(*dates.failing, dates.answered),
                                .asked = {},
                                .since = *dates.failing});
}

const Finding* Finder::of(const std::string& resource) const {
    const auto followed = followed_.find(resource);
    return followed == followed_.end() ? nullptr : &followed->second.finding;
}

Remembered Finder::remembered(const std::string& resource) const {
    const auto followed = followed_.find(resource);
    if (followed == followed_.end()) return {};
    const auto& named = followed->second.named;
    const auto& finding = followed->second.finding;
    Remembered remembered{.addresses = finding.addresses, .owners = finding.owners};
    const auto add = [&](const Cidr& address, const Origin& origin) {
        if (finding.addresses.contains(address)) remembered.origins[address].insert(origin);
    };
    const auto add_name = [&](const Origin& origin) {
        if (!dns_) return;
        for (const auto& address : dns_->names().addresses(origin.name))
            add(Cidr::of(address), origin);
    };
    for (const auto& question : named.questions) {
        const auto& state = answers_.state(question);
        for (const auto& cidr : state.cidrs)
            add(cidr, {.question = question.origin()});
        for (const auto& name : state.names)
            add_name({.question = question.origin(), .name = name});
    }
    for (const auto& name : named.hostnames)
        add_name({.name = name});
    return remembered;
}

std::set<Asked> Finder::asked() const {
    std::set<Asked> asked;
    for (const auto& [place, at] : places_)
        asked.insert(Asked::aws(place));
    if (!dns_ || !dns_->names().states().empty()) asked.insert(Asked{});
    return asked;
}

metrics::Families Finder::metrics(Time now) const {
    auto families = metrics_of(throttle_);
    families.push_back(metrics::gauge_of_seconds("bulkhead_aws_answer_age_seconds",
                                                 "Age of AWS' last good answer, of the question where it is oldest.",
                                                 std::chrono::duration<double>(answers_.oldest(now)).count()));
    auto expiry = metrics::gauge("bulkhead_aws_credentials_expire_seconds",
                                 "Until the keys that AWS is asked with expire; they are renewed well before.");
    std::map<std::pair<std::string, std::string>, double> first; // of several external ids
    for (const auto& [place, at] : places_) {
        if (!at.credentials.expires) continue;
        const double left = std::max(0.0, std::chrono::duration<double>(*at.credentials.expires - today()).count());
        const auto [one, is_new] = first.try_emplace({place.region, place.role}, left);
        one->second = std::min(one->second, left);
    }
    for (const auto& [of, left] : first)
        expiry.add_real(left, {{"region", of.first}, {"role", of.second}});
    families.push_back(std::move(expiry));
    std::map<std::string, const Finding*> findings;
    for (const auto& [name, followed] : followed_)
        findings.emplace(name, &followed.finding);
    std::ranges::move(metrics_of(findings, asked(), today()), std::back_inserter(families));
    if (!dns_) return families;
    std::ranges::move(dns::metrics_of(*dns_, now), std::back_inserter(families));
    families.push_back(metrics::gauge("bulkhead_dns_names_left_out",
                                      "Names of AWSResources that aren't followed, because there are too many.",
                                      wanted_names_ - dns_->names().size()));
    return families;
}

} // namespace bulkhead::resolve
