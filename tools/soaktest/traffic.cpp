// SPDX-License-Identifier: Apache-2.0
#include "traffic.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <future>

namespace bulkhead::soak {

namespace {

using namespace std::chrono_literals;

constexpr int kRound = 10; // ms
constexpr size_t kBegunPerRound = 6;
constexpr uint64_t kFirstKey = uint64_t{1} << 63; // of doors; talks have their own numbers
constexpr std::array<uint32_t, 4> kSizes{sizeof(Stamp), sizeof(Stamp), 600, 1300};
constexpr size_t kBusyOneIn = 40; // whose messages are so close that no gap of milliseconds goes unseen
constexpr uint32_t kLarge = 9000; // by TCP

} // namespace

Traffic::Traffic(size_t talks, uint64_t seed, const Rules& rules, Ledger& ledger)
    : wanted_(talks), rules_(rules), ledger_(ledger), random_(seed), epoll_(epoll_create1(EPOLL_CLOEXEC)),
      home_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)), last_key_(kFirstKey),
      thread_([this] { run(); }) {}

Traffic::~Traffic() {
    over_ = true;
    thread_.join();
}

template <typename Work>
auto Traffic::on_thread(Work work) {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
    auto done = task.get_future();
    {
        const std::scoped_lock lock(mutex_);
        posted_.emplace_back([&task] { task(); });
    }
    return done.get();
}

Result<> Traffic::open(const PodPtr& pod, test::Netns netns) {
    return on_thread([&]() -> Result<> {
        if (!pod->alive) return fail("open " + pod->text() + ": it has gone");
        netns.enter();
        auto doors = open_doors(pod, [this](const Stamp& s, const Pod& p, Port port) { judge(s, p, port); });
        go_home();
        if (!doors) return tl::unexpected(doors.error());
        for (auto& door : *doors)
            add_door(std::move(door));
        homes_.push_back({pod, std::move(netns)});
        return {};
    });
}

void Traffic::close(const PodPtr& pod) {
    on_thread([&] {
        pod->alive = false;
        std::erase_if(homes_, [&](const Home& home) { return home.pod == pod; });
        std::vector<uint64_t> over;
        for (const auto& [id, talk] : talks_) {
            talk->leave(*pod);
            if (talk->is_over()) over.push_back(id);
        }
        for (const uint64_t id : over)
            remove_talk(id);
        std::erase_if(doors_, [&](const auto& entry) { return &entry.second->pod() == pod.get(); });
    });
}

bool Traffic::drain(test::Deadline deadline) {
    on_thread([this] {
        draining_ = true;
        for (const auto& [id, talk] : talks_) {
            talk->finish();
            alarms_.push({Clock::now(), id});
        }
    });
    return test::wait_until([this] { return under_way_ == 0; }, deadline, 50ms);
}

void Traffic::hang_up() {
    on_thread([this] {
        for (const auto& [key, door] : doors_)
            if (door->is_connection()) shutdown(door->fd().get(), SHUT_RDWR);
        std::erase_if(doors_, [](const auto& entry) { return !entry.second->is_connection(); });
    });
}

void Traffic::run() {
    while (!over_) {
        const Time begun = Clock::now();
        handle_events();
        ring(Clock::now());
        run_posted();
        if (!draining_) begin_talks();
        longest_ = std::max(longest_.load(), (Clock::now() - begun).count());
    }
    homes_.clear();
}

/// Until nothing is left to read: what was answered must not be judged as lost.
void Traffic::handle_events() {
    std::array<epoll_event, 256> events{};
    int patience = kRound;
    for (int rounds = 0; rounds < 50; ++rounds) {
        const int number = epoll_wait(epoll_.get(), events.data(), events.size(), patience);
        for (int i = 0; i < number; ++i)
            handle(events.at(static_cast<size_t>(i)).data.u64, events.at(static_cast<size_t>(i)).events);
        if (number <= 0) return;
        patience = 0;
    }
}

void Traffic::handle(uint64_t key, uint32_t events) {
    if (const auto talk = talks_.find(key); talk != talks_.end()) {
        talk->second->ready(events);
        if (talk->second->is_over()) remove_talk(key);
    } else if (const auto door = doors_.find(key); door != doors_.end()) {
        auto came = door->second->ready();
        if (door->second->is_over()) doors_.erase(key);
        for (auto& one : came)
            add_door(std::move(one));
    }
}

void Traffic::run_posted() {
    std::deque<std::function<void()>> posted;
    {
        const std::scoped_lock lock(mutex_);
        posted.swap(posted_);
    }
    for (const auto& work : posted)
        work();
}

void Traffic::ring(Time now) {
    for (const auto& [key, door] : doors_)
        door->tick(now);
    while (!alarms_.empty() && alarms_.top().at <= now) {
        const uint64_t id = alarms_.top().talk;
        alarms_.pop();
        const auto found = talks_.find(id);
        if (found == talks_.end()) continue;
        const Time next = found->second->tick(now);
        if (found->second->is_over())
            remove_talk(id);
        else
            alarms_.push({std::max(next, now + 1ms), id});
    }
}

void Traffic::begin_talks() {
    for (size_t i = 0; i < kBegunPerRound && homes_.size() > 1 && talks_.size() < wanted_; ++i) {
        auto plan = next_plan();
        if (!plan) continue;
        const auto home = std::ranges::find(homes_, plan->client, &Home::pod);
        if (auto added = add_talk(make_talk(std::move(*plan), rules_, ledger_), *home); !added)
            ledger_.note(added.error().text);
    }
}

/// Half are short; of the others some are quiet for seconds, and some go on until a pod ends.
std::optional<TalkPlan> Traffic::next_plan() {
    const size_t client = random(homes_.size());
    const size_t server = (client + 1 + random(homes_.size() - 1)) % homes_.size();
    if (!may_meet(*homes_.at(client).pod, *homes_.at(server).pod)) return std::nullopt;
    const Time now = Clock::now();
    TalkPlan plan{.id = ++last_key_ - kFirstKey,
                  .client = homes_.at(client).pod,
                  .server = homes_.at(server).pod,
                  .family = random(2) == 0 ? uint8_t{BH_IPV4} : uint8_t{BH_IPV6},
                  .port = random(2) == 0 ? kPlain : kDoor,
                  .tcp = random(2) == 0};
    const size_t kind = random(8);
    if (kind < 4) {
        plan.interval = random(5ms, 100ms);
        plan.ends = now + random(50ms, 1500ms);
    } else {
        plan.interval = kind == 4 ? random(2s, 10s) : random(100ms, 700ms);
        plan.ends = now + (kind == 5 ? random(600s, 1200s) : random(10s, 120s));
    }
    if (random(kBusyOneIn) == 0) {
        plan.interval = random(3ms, 6ms);
        plan.ends = now + random(5s, 20s);
    }
    if (!plan.tcp && random(3) == 0) plan.delay = random(100ms, 8s);
    plan.size = kSizes.at(random(kSizes.size()));
    if (plan.tcp && random(6) == 0) plan.size = kLarge;
    return plan;
}

Result<> Traffic::add_talk(std::unique_ptr<Talk> talk, const Home& home) {
    home.netns.enter();
    auto opened = talk->open();
    go_home();
    if (!opened) return opened;
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = talk->id()}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, talk->fd().get(), &event) != 0) return fail("watch a socket", errno);
    alarms_.push({Clock::now(), talk->id()});
    talks_.emplace(talk->id(), std::move(talk));
    under_way_ = talks_.size();
    return {};
}

void Traffic::add_door(std::unique_ptr<Door> door) {
    const uint64_t key = ++last_key_;
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = key}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, door->fd().get(), &event) != 0) return;
    doors_.emplace(key, std::move(door));
}

void Traffic::remove_talk(uint64_t id) {
    talks_.erase(id);
    under_way_ = talks_.size();
}

void Traffic::go_home() const {
    if (setns(home_.get(), CLONE_NEWNET) != 0) std::abort(); // every later socket would be somebody else's
}

void Traffic::judge(const Stamp& stamp, const Pod& pod, Port port) {
    if (const auto talk = talks_.find(stamp.conversation); talk != talks_.end()) talk->second->arrived(stamp.number);
    if (stamp.to != pod.incarnation) ledger_.count(kForPredecessor);
    const Question question{.from = stamp.from_ns, .to = pod.ns, .port = port, .crosses = stamp.from_node != pod.node};
    if (!rules_.ruling(question).holds(Word::kNo, stamp.sent_at())) return;
    ledger_.find(kForbiddenArrived, "message " + std::to_string(stamp.number) + " of conversation " +
                                        std::to_string(stamp.conversation) + ", sent " +
                                        ledger_.moment(stamp.sent_at()) + " by " + kNamespaces.at(stamp.from_ns).name +
                                        " (#" + std::to_string(stamp.from) + ") to #" + std::to_string(stamp.to) +
                                        ", reached " + pod.text() + " port " + std::to_string(kPortNumbers.at(port)));
}

Clock::duration Traffic::random(Clock::duration from, Clock::duration to) {
    return Clock::duration(std::uniform_int_distribution<Clock::rep>(from.count(), to.count())(random_));
}

} // namespace bulkhead::soak
