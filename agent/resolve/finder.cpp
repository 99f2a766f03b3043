// SPDX-License-Identifier: Apache-2.0
#include "resolve/finder.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "state/cluster.h"

namespace bulkhead::resolve {

namespace {

using namespace std::chrono_literals;

constexpr auto kNothingThere = "NothingThere"; // a reason, as kNameTrouble

Remembered memory_of(const std::string& name, const Memories& memories) {
    const auto memory = memories.find(name);
    return memory == memories.end() ? Remembered{} : memory->second;
}

dns::Settings with_grace(dns::Settings settings, Milliseconds grace) {
    settings.keeping.grace = grace;
    return settings;
}

} // namespace

Finder::Finder(Loop& loop, Settings settings, std::function<void()> on_change)
    : loop_(loop), settings_(std::move(settings)), on_change_(std::move(on_change)), answers_(settings_.grace),
      names_(loop_, settings_.servers, with_grace(settings_.dns, settings_.grace), [this] { update(); }),
      throttle_(settings_.budget, aws::Clock::real(), std::random_device{}()) {
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
        if (is_new) {
            const auto memory = memory_of(name, memories);
            if (!memory.addresses.empty()) followed.earlier = Earlier{.by = memory.date};
            recalled.emplace(name, recall(memory, named.questions, named.hostnames));
        } else if (lacks_some_of(named, followed.named) &&
                   (lacks_some_of(followed.named, named) || !followed.finding.is_answered())) {
            // What isn't answered yet may be what is gone, by another name.
            const auto how =
                is_elsewhere(followed.named, named) ? Carried::Now::kIsElsewhere : Carried::Now::kNamesOther;
            followed.carried.keep(followed.finding.addresses, followed.finding.owners, how);
        }
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
    for (const auto& [name, had] : recalled.names)
        if (!names_.recall(name, had.addresses))
            for (const auto& cidr : had.addresses)
                recalled.of_nobody.add(cidr, had.owners);
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
                loop_, std::make_unique<Asker>(settings_.environment, place, throttle_, own_account_),
                settings_.interval, [this, place = place](const auto& report) { take(place, report); });
        at.sweep->set_order({.questions = questions, .cluster = {.name = settings_.cluster, .instances = instances}});
    }
}

void Finder::follow_names() {
    std::vector<NamesOfResource> of_all;
    for (const auto& [resource, followed] : followed_)
        of_all.push_back(names_of(followed));
    names_.follow(of_all);
}

bool Finder::lacks_some_of(const Named& all, const Named& some) {
    return !std::ranges::includes(all.questions, some.questions) ||
           !std::ranges::includes(all.hostnames, some.hostnames);
}

/// Its Tenant may say so, without anybody having touched the AWSResource.
bool Finder::is_elsewhere(const Named& before, const Named& now) {
    const auto without_place = [](const std::set<Question>& questions) {
        std::set<Question> all;
        for (auto question : questions) {
            question.place = {};
            all.insert(std::move(question));
        }
        return all;
    };
    return before.hostnames == now.hostnames && without_place(before.questions) == without_place(now.questions);
}

NamesOfResource Finder::names_of(const Followed& followed) const {
    NamesOfResource names;
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

/// What was answered well, and has nothing.
std::vector<Question> Finder::barren(const Followed& followed) const {
    std::vector<Question> barren;
    for (const auto& question : followed.named.questions)
        if (const auto& state = answers_.state(question); state.is_well() && !state.found_some())
            barren.push_back(question);
    return barren;
}

void Finder::take(const state::AwsPlace& place, const Sweep::Report& report) {
    if (const auto at = places_.find(place); at != places_.end()) at->second.credentials = report.credentials;
    for (const auto& outcome : report.outcomes)
        answers_.take(outcome, std::chrono::steady_clock::now(), state::Cluster::machine_time());
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
    const auto names = names_of(followed);
    names_.tell(names, followed.earlier, evidence, finding);
    const bool all_well = finding.is_answered();
    if (all_well) followed.earlier.reset();
    const auto barren_now = barren(followed);
    const Carried::Answers answers{
        .all_well = all_well, .all_found = barren_now.empty(), .lacking = names_.lacking_in(names)};
    if (followed.carried.pass(answers, now, patience()))
        spdlog::info("AWSResource {}: all that it names has been answered, and what it had before has been left", name);
    add_held(followed, evidence, finding);
    add_replaced(followed, all_well ? barren_now : std::vector<Question>{}, finding);
    evidence.carried = {.addresses = followed.carried.addresses(), .owners = followed.carried.owners()};
    auto all = std::move(evidence).all();
    const auto& before = followed.finding;
    limit_owners(all.owners, before.owners);
    const bool is_as_before = all.addresses == before.addresses && all.owners == before.owners;
    finding.addresses = std::move(all.addresses);
    finding.owners = std::move(all.owners);
    finding.changed = is_as_before && before.changed != state::Time{} ? before.changed : state::Cluster::machine_time();
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
                                                dates_of_trouble(state.failing_since, state.date, followed.earlier),
                                        .asked = Asked::aws(question.place),
                                        .since = state.failing_since});
    }
}

/// As where a name had some and DNS says that there is none, but that nobody knows which name's they were.
void Finder::add_held(Followed& followed, const Evidence& evidence, Finding& finding) const {
    size_t held = 0;
    for (const auto& address : followed.carried.held(patience()))
        if (!evidence.now.addresses.contains(address) && !evidence.kept.addresses.contains(address)) ++held;
    if (held == 0) return followed.held_since.reset();
    if (!followed.held_since) followed.held_since = state::Cluster::machine_time();
    finding.troubles.push_back({.reason = kNameTrouble,
                                .text = "DNS says that a name has no address of one family; " + std::to_string(held) +
                                        (held == 1 ? " that was found before is kept for a day, as it may be its"
                                                   : " that were found before are kept for a day, as they may be its"),
                                .asked = {},
                                .since = *followed.held_since});
}

/// Whoever mistypes a region or a group, or whose Tenant is gone for a moment, asks somebody who knows of nothing.
void Finder::add_replaced(Followed& followed, const std::vector<Question>& barren, Finding& finding) const {
    if (barren.empty() || !followed.carried.is_replaced()) return followed.replaced_since.reset();
    if (!followed.replaced_since) followed.replaced_since = state::Cluster::machine_time();
    const auto count = followed.carried.addresses().size();
    finding.troubles.push_back(
        {.reason = kNothingThere,
         .text = barren.front().text() + " has no address; " + std::to_string(count) +
                 (count == 1 ? " that was found by what was named before is kept for the grace time"
                             : " that were found by what was named before are kept for the grace time"),
         .asked = Asked::aws(barren.front().place),
         .since = *followed.replaced_since});
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
        for (const auto& address : names_.addresses(origin.name))
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
    if (names_.asks()) asked.insert(Asked{});
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
        const double left = std::max(
            0.0, std::chrono::duration<double>(*at.credentials.expires - state::Cluster::machine_time()).count());
        const auto [one, is_new] = first.try_emplace({place.region, place.role}, left);
        one->second = std::min(one->second, left);
    }
    for (const auto& [of, left] : first)
        expiry.add_real(left, {{"region", of.first}, {"role", of.second}});
    families.push_back(std::move(expiry));
    std::map<std::string, const Finding*> findings;
    for (const auto& [name, followed] : followed_)
        findings.emplace(name, &followed.finding);
    std::ranges::move(metrics_of(findings, asked(), state::Cluster::machine_time()), std::back_inserter(families));
    std::ranges::move(names_.metrics(now), std::back_inserter(families));
    return families;
}

} // namespace bulkhead::resolve
