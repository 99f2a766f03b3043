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

state::Time today() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
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

void Finder::follow(const Resources& resources, const std::set<std::string>& instances) {
    const auto is_gone = [&](const auto& one) {
        const auto resource = resources.find(one.first);
        return resource == resources.end() || resource->second.look_ups.empty();
    };
    std::erase_if(followed_, is_gone);
    std::set<Question> questions;
    for (const auto& [name, resource] : resources) {
        if (resource.look_ups.empty()) continue;
        const auto [place, is_new] = followed_.try_emplace(name);
        auto& followed = place->second;
        Named named{.questions = questions_of(resource, settings_.region), .hostnames = resource.look_ups.hostnames};
        if (is_new)
            followed.carried = Carried({resource.found.begin(), resource.found.end()}, resource.owners);
        else if (lacks_some_of(followed.named, named) && lacks_some_of(named, followed.named))
            // The one thing may be the other by another name.
            followed.carried.keep(followed.finding.addresses, followed.finding.owners);
        followed.named = std::move(named);
        const auto& questions_now = followed.named.questions;
        questions.insert(questions_now.begin(), questions_now.end());
    }
    answers_.follow(questions);
    follow_places(plan_of(resources, settings_.region), instances);
    follow_names();
    for (auto& [name, followed] : followed_)
        update(name, followed, std::chrono::steady_clock::now());
}

void Finder::follow_places(const Plan& plan, const std::set<std::string>& instances) {
    std::erase_if(places_, [&](const auto& one) { return !plan.contains(one.first); });
    for (const auto& [place, questions] : plan) {
        auto& at = places_[place];
        if (!at.sweep)
            at.sweep = std::make_unique<Sweep>(
                loop_, std::make_unique<Asker>(settings_.environment, place, throttle_, settings_.rhythm.seldom),
                settings_.rhythm, [this, place = place](const auto& report) { take(place, report); });
        at.sweep->set_order({.questions = questions, .cluster = {.name = settings_.cluster, .instances = instances}});
    }
}

void Finder::follow_names() {
    if (!dns_) return;
    std::set<std::string> names, by_tags;
    for (const auto& [resource, followed] : followed_) {
        names.insert(followed.named.hostnames.begin(), followed.named.hostnames.end());
        for (const auto& [name, owners] : names_of(followed))
            by_tags.insert(name);
    }
    // If there are too many, those that somebody wrote down come first, and then those that are followed already.
    for (const bool is_followed : {true, false})
        for (const auto& name : by_tags)
            if (names.size() < settings_.dns.most_names && dns_->names().state(name).has_value() == is_followed)
                names.insert(name);
    dns_->follow(names); // one that is too many has no state
    std::erase_if(dates_, [&](const auto& one) { return !names.contains(one.first) && !by_tags.contains(one.first); });
}

bool Finder::lacks_some_of(const Named& all, const Named& some) {
    return !std::ranges::includes(all.questions, some.questions) ||
           !std::ranges::includes(all.hostnames, some.hostnames);
}

Finder::FollowedNames Finder::names_of(const Followed& followed) const {
    FollowedNames names;
    for (const auto& name : followed.named.hostnames)
        names[name].is_named = true;
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
    if (followed.carried.pass(finding.settled && finding.troubles.empty(), now, settings_.grace))
        spdlog::info("AWSResource {}: all that it names has been answered, and what it had before has been left", name);
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
        } else {
            add_name_trouble(name, dns_ ? "is not followed, there are too many" : dns_error_, finding);
        }
    }
}

/// While one family fails the other may go on answering: of these one is told, so that what is told stays the same.
void Finder::note_answer(const dns::NameState& state) {
    auto& dates = dates_[state.name];
    if (state.error.empty()) dates.failing.reset();
    if (!state.named_at) dates.answer.reset(), dates.answered.reset(); // nothing is in force any more
    if (!state.named_at || (dates.failing && dates.answered) || dates.answer == state.named_at) return;
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

std::set<Asked> Finder::asked() const {
    std::set<Asked> asked;
    for (const auto& [place, at] : places_)
        asked.insert(Asked::aws(place));
    if (!dns_ || !dns_->names().states().empty()) asked.insert(Asked{});
    return asked;
}

metrics::Families Finder::metrics(Time now) const {
    auto families = metrics_of(throttle_.counts());
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
    if (dns_) std::ranges::move(dns::metrics_of(*dns_, now), std::back_inserter(families));
    return families;
}

} // namespace bulkhead::resolve
