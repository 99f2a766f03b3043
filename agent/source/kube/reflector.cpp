// SPDX-License-Identifier: Apache-2.0
#include "source/kube/reflector.h"

#include "source/field.h"
#include "source/kube/query.h"
#include "source/list.h"
#include "source/reader.h"

namespace bulkhead::source::kube {

namespace {

using namespace std::chrono_literals;

constexpr auto kPageSize = "500";
constexpr int kMostBrokenStreams = 2;
constexpr auto kShortestWatch = 290s; // a watch ends by itself after about as long as client-go's does
constexpr auto kLongestWatch = 590s;
constexpr auto kWatchGrace = 30s;             // by then the server must have ended it
constexpr auto kLife = 10s;                   // a watch that lived so long was a good one
constexpr auto kAskAgainWhoWeAre = 100ms;     // while a credential plugin runs, or fails
constexpr Backoff::Milliseconds kSpread = 1s; // of lists that everybody needs at once
constexpr int kOftenTooNew = 3;
constexpr const char* kNoAnswer = "no answer came";
constexpr const char* kAnswerStopped = "the answer stopped";
constexpr int kOftenShortLived = 3;
constexpr auto kAnyVersion = "0"; // the server has in memory
constexpr auto kInitialEventsEnd = "k8s.io/initial-events-end";

std::string metadata_of(const Value& object, std::string_view name) {
    Complaints ignored;
    const Field root(object, ignored);
    const auto metadata = root["metadata"];
    return metadata[name].string().value_or("");
}

bool ends_initial_events(const Value& bookmark) {
    Complaints ignored;
    const Field root(bookmark, ignored);
    const auto metadata = root["metadata"];
    const auto annotations = metadata["annotations"];
    return annotations[kInitialEventsEnd].string() == "true";
}

Value* member_of(Value& document, std::string_view name) {
    auto* members = std::get_if<Object>(&document.content);
    if (members == nullptr) return nullptr;
    for (auto& member : *members)
        if (member.key == name) return &member.value;
    return nullptr;
}

} // namespace

Reflector::Reflector(Resource resource, HttpClient& client, Credentials& credentials, ReflectorSink& sink,
                     uint32_t seed, Patience patience)
    : resource_(std::move(resource)), patience_(patience), client_(client), credentials_(credentials), sink_(sink),
      backoff_(seed) {}

void Reflector::tick(Time now) {
    take_selection(now);
    if (up_to_date_ && watches_break() && now - accepted_at_ >= kLife) {
        short_lived_ = 0;
        succeed();
    }
    if (up_to_date_ && !watches_break()) hearing_.stale_since.reset();
    if (!up_to_date_ && !hearing_.stale_since) hearing_.stale_since = now;
    const auto limit = longest_silence();
    if (transfer_ && limit && now - heard_at_ >= *limit) end_stalled();
    if (transfer_) return;
    if (pause_) next_try_ = std::max(next_try_, now + *pause_);
    pause_.reset();
    if (now >= next_try_) start();
    if (pause_) next_try_ = now + *pause_;
    pause_.reset();
}

void Reflector::select(std::string selector, Time time) {
    selection_ = {.selector = std::move(selector), .from = time};
    selection_listed_ = false;
}

/// One that was put off waits until what was watched before is listed anew, where the server forgot it.
bool Reflector::may_take_selection() const {
    return selection_ && (!selection_->put_off || step_ == Step::kWatch);
}

void Reflector::take_selection(Time now) {
    if (!may_take_selection() || now < selection_->from) return;
    if (synced_ && !watched_) watched_ = {resource_.selector, version_};
    const auto taken = *std::exchange(selection_, std::nullopt);
    resource_.selector = taken.selector;
    transfer_.reset();
    up_to_date_ = false;
    list_anew(taken.newest ? "" : synced_ ? version_ : list_version_);
    too_new_ = taken.too_new;
    next_try_ = now;
    pause_.reset();
}

std::optional<Reflector::Time> Reflector::wakes_at() const {
    std::optional<Time> time;
    if (may_take_selection()) time = selection_->from;
    if (!transfer_) return std::min(time.value_or(Time::max()), next_try_);
    if (up_to_date_ && watches_break()) time = std::min(time.value_or(Time::max()), accepted_at_ + kLife);
    if (const auto limit = longest_silence()) time = std::min(time.value_or(Time::max()), heard_at_ + *limit);
    return time;
}

std::optional<std::chrono::seconds> Reflector::longest_silence() const {
    if (!accepted_ || step_ != Step::kWatch) return patience_.answer;
    if (bookmarks_) return patience_.watch;
    return std::nullopt; // it may have nothing to say, until its time is over
}

void Reflector::start() {
    const auto* who = credentials_.current();
    if (who == nullptr) {
        pause_ = kAskAgainWhoWeAre; // the credentials say what is wrong
        return;
    }
    proof_version_ = who->version;
    if (step_ != Step::kWatch && continue_.empty()) begin_list();
    const auto shape = step_ == Step::kList ? JsonSplitter::Shape::kList : JsonSplitter::Shape::kStream;
    splitter_.emplace(shape, [this](const std::string& piece) { take_piece(piece); });
    broken_.clear();
    error_event_.reset();
    accepted_ = false;
    heard_at_ = std::chrono::steady_clock::now();
    auto transfer = client_.start(request(), *who,
                                  {.on_accepted = [this] { accept(); },
                                   .on_body = [this](std::string_view bytes) { return take(bytes); },
                                   .on_end = [this](const Response& response) { end(response); }});
    if (!transfer) return fail(transfer.error().text);
    transfer_ = std::move(*transfer);
}

void Reflector::begin_list() {
    step_ = streaming_ ? Step::kStreamingList : Step::kList;
    sink_.begin_list();
}

Request Reflector::request() {
    const auto path = resource_.roots[root_] + "/" + resource_.path;
    const bool fresh = std::exchange(stalled_, false);
    if (step_ == Step::kList) return {.path = path + list_query(), .fresh_connection = fresh};
    const auto lifetime =
        std::chrono::duration_cast<std::chrono::seconds>(backoff_.between(kShortestWatch, kLongestWatch));
    return {.path = path + watch_query(lifetime), .deadline = lifetime + kWatchGrace, .fresh_connection = fresh};
}

/// A continuation is of one version by itself, and the server refuses another beside it.
std::string Reflector::list_query() const {
    Query query;
    query.add_text(resource_.selector);
    // With a limit, a list that must not be older than something is read from etcd, which all agents would do at once.
    const bool from_memory = !list_version_.empty() && list_version_ != kAnyVersion;
    if (in_pages_ && !from_memory) query.add("limit", kPageSize);
    if (!continue_.empty()) return query.add("continue", continue_).text();
    if (!list_version_.empty()) query.add("resourceVersion", list_version_);
    if (from_memory) query.add("resourceVersionMatch", "NotOlderThan");
    return query.text();
}

std::string Reflector::watch_query(std::chrono::seconds lifetime) const {
    Query query;
    query.add_text(resource_.selector)
        .add("watch", "1")
        .add("allowWatchBookmarks", "true")
        .add("timeoutSeconds", std::to_string(lifetime.count()));
    if (step_ == Step::kWatch) return query.add("resourceVersion", version_).text();
    query.add("sendInitialEvents", "true").add("resourceVersionMatch", "NotOlderThan");
    if (!list_version_.empty()) query.add("resourceVersion", list_version_);
    return query.text();
}

/// A watch may have nothing to say for long: that it was accepted means that all is well.
void Reflector::accept() {
    accepted_ = true;
    heard_at_ = std::chrono::steady_clock::now();
    if (step_ != Step::kWatch) return;
    up_to_date_ = true;
    accepted_at_ = heard_at_;
    if (!watches_break()) succeed();
}

/// Accepted again and again, and then cut: that nothing is heard doesn't mean that there is nothing to hear.
bool Reflector::watches_break() const {
    return short_lived_ >= kOftenShortLived;
}

bool Reflector::take(std::string_view bytes) {
    heard_at_ = std::chrono::steady_clock::now();
    if (!splitter_->feed(bytes) && broken_.empty()) broken_ = "the answer is no JSON that we understand";
    return broken_.empty();
}

/// An object that we can't read is one object: whoever may write it must not keep us from hearing of all others.
void Reflector::take_piece(const std::string& piece) {
    if (!broken_.empty()) return;
    std::string unreadable;
    const auto take = [&](Value document) {
        if (step_ == Step::kList)
            take_item(std::move(document), unreadable);
        else
            take_event(std::move(document), unreadable);
    };
    const auto read = read_json(piece, take);
    if (read || !broken_.empty()) return;
    unreadable = read.error().text;
    if (!read_json_surface(piece, take) && broken_.empty()) broken_ = "the answer is no JSON: " + unreadable;
}

void Reflector::put(Value object, const std::string& unreadable) {
    if (unreadable.empty())
        sink_.put(std::move(object));
    else if (metadata_of(object, "name").empty())
        broken_ = "the answer has an object without a name that " + unreadable;
    else
        sink_.put_unreadable(std::move(object), unreadable);
}

void Reflector::take_item(Value item, const std::string& unreadable) {
    ListKind{.item_kind = resource_.kind, .item_version = api_version()}.complete(item);
    put(std::move(item), unreadable);
}

void Reflector::take_event(Value event, const std::string& unreadable) {
    const auto* type = event.find("type");
    const auto* name = type == nullptr ? nullptr : type->string();
    auto* object = member_of(event, "object");
    if (name == nullptr || object == nullptr) {
        broken_ = "the answer has an event without type or object";
        return;
    }
    if (*name == "ERROR") return take_error(*object);
    if (*name == "BOOKMARK") return take_bookmark(*object);
    auto version = metadata_of(*object, "resourceVersion");
    ++hearing_.events;
    if (*name == "ADDED" || *name == "MODIFIED") {
        put(std::move(*object), unreadable);
    } else if (*name == "DELETED") {
        sink_.remove(std::move(*object));
    }
    if (step_ == Step::kWatch && !version.empty()) version_ = std::move(version);
}

void Reflector::take_bookmark(const Value& object) {
    auto version = metadata_of(object, "resourceVersion");
    if (version.empty()) return;
    if (step_ == Step::kWatch) {
        version_ = std::move(version);
        bookmarks_ = true;
    } else if (ends_initial_events(object)) {
        finish_list(std::move(version)); // and the same answer goes on as the watch
    }
}

void Reflector::take_error(const Value& status) {
    error_event_ = read_status(status);
    broken_ = error_event_->message;
}

void Reflector::finish_list(std::string version) {
    sink_.end_list();
    version_ = std::move(version);
    list_version_ = version_;
    continue_.clear();
    in_pages_ = true;
    synced_ = true;
    broken_streams_ = 0;
    up_to_date_ = step_ == Step::kStreamingList;
    accepted_at_ = std::chrono::steady_clock::now();
    step_ = Step::kWatch;
    ++hearing_.lists;
    watched_.reset();
    selection_listed_ = !selection_;
    if (selection_listed_) selection_error_.clear();
    succeed();
}

/// Asked again over a connection of its own: at most servers' addresses there is another one that doesn't hang. Whether
/// this one sends bookmarks has to show again, so that a server which doesn't any more isn't cut off for ever.
void Reflector::end_stalled() {
    const auto silence = std::chrono::duration_cast<std::chrono::seconds>(*longest_silence());
    const bool is_watch = step_ == Step::kWatch;
    end({.error =
             (accepted_ ? kAnswerStopped : kNoAnswer) + (": nothing for " + std::to_string(silence.count()) + " s")});
    stalled_ = true;
    if (is_watch) bookmarks_ = false;
}

/// Something between us may keep answers back until they are whole: in pages they are.
void Reflector::note_broken_stream() {
    if (step_ == Step::kStreamingList && ++broken_streams_ >= kMostBrokenStreams) streaming_ = false;
}

void Reflector::end(const Response& response) {
    transfer_.reset();
    lived_ = up_to_date_ && std::chrono::steady_clock::now() - accepted_at_ >= kLife;
    if (lived_) backoff_.reset();
    up_to_date_ = false;
    pause_ = Backoff::Milliseconds(0);
    if (error_event_) return end_refused(*error_event_);
    if (accepted_ || response.error.starts_with(kNoAnswer)) note_broken_stream();
    if (!broken_.empty()) {
        if (step_ != Step::kWatch) list_anew(list_version_);
        return fail(std::move(broken_));
    }
    if (response.status != 0 && response.status != 200) return end_refused(status_of(response));
    if (step_ == Step::kWatch && response.status == 200) return end_watch(response.error);
    if (response.error.empty()) return end_page();
    if (step_ != Step::kWatch) list_anew(list_version_);
    fail(client_.server().url + ": " + response.error);
}

void Reflector::end_page() {
    std::string envelope = splitter_->envelope();
    envelope.reserve(envelope.size() + kJsonPadding);
    Value list;
    const auto read = read_json(envelope, [&](Value document) { list = std::move(document); });
    const auto version = metadata_of(list, "resourceVersion");
    if (step_ != Step::kList || !splitter_->is_complete() || !read || version.empty()) {
        list_anew(list_version_);
        return fail("the answer broke off, or is no list");
    }
    continue_ = metadata_of(list, "continue");
    if (continue_.empty()) finish_list(version);
}

/// However it ended, the next one goes on where this one was: at once, unless they don't live.
void Reflector::end_watch(const std::string& error) {
    short_lived_ = lived_ ? 0 : short_lived_ + 1;
    if (lived_) return;
    if (watches_break())
        return fail(client_.server().url + ": watches break off at once" + (error.empty() ? "" : ": " + error));
    pause_ = backoff_.next();
}

void Reflector::end_refused(const Status& status) {
    const bool is_list = step_ != Step::kWatch;
    if (status.too_large_version) return end_too_new(status);
    too_new_ = 0;
    if (status.code == 410) {
        in_pages_ = in_pages_ && continue_.empty(); // a list that outlives its version is better asked for as a whole
        pause_ = backoff_.next() + backoff_.between(Backoff::Milliseconds(0), kSpread);
        return list_anew(is_list ? "" : version_);
    }
    if (step_ == Step::kStreamingList && (status.code == 400 || status.code == 422)) {
        streaming_ = false;
        return list_anew(list_version_);
    }
    // A version that was remembered may be none to this server.
    if (is_list) list_anew(status.code == 400 ? "" : list_version_);
    if (status.code == 404) return try_next_root();
    if (status.code == 401) {
        credentials_.refused(proof_version_);
        return fail("the API server doesn't accept our credentials (401): " + status.message, status.retry_after);
    }
    if (status.code == 403)
        return fail("needs the permission to " + std::string(is_list ? "list " : "watch ") + resource_.name +
                        " (403): " + status.message,
                    status.retry_after);
    fail("the API server answers " + std::to_string(status.code) + ": " + status.message, status.retry_after);
}

/// Behind what we know already: it catches up, or was set back to an older state, where our version never comes.
void Reflector::end_too_new(const Status& status) {
    if (++too_new_ >= kOftenTooNew) {
        too_new_ = 0;
        return list_anew("");
    }
    if (step_ != Step::kWatch) list_anew(list_version_);
    fail("the API server is behind what it said before, and counts nevertheless if it stays so: " + status.message,
         status.retry_after);
}

void Reflector::try_next_root() {
    root_ = (root_ + 1) % resource_.roots.size();
    if (root_ != 0) return;
    const bool is_ours = resource_.name.ends_with(".bulkhead.dev");
    fail("the API server has no " + resource_.name + (is_ours ? ": are Bulkhead's CRDs installed?" : ""));
}

/// `version` as list_version_.
void Reflector::list_anew(std::string version) {
    list_version_ = std::move(version);
    continue_.clear();
    step_ = Step::kList;
}

void Reflector::fail(std::string error, std::optional<std::chrono::seconds> at_least) {
    ++hearing_.failures;
    error_ = std::move(error);
    pause_ = backoff_.next(at_least.value_or(std::chrono::seconds(0)));
    if (watched_ && step_ != Step::kWatch) put_off_selection(at_least.has_value());
}

/// It can't be listed now: so on with what was watched before.
void Reflector::put_off_selection(bool must_wait) {
    const auto again = std::chrono::steady_clock::now() + pause_.value_or(Backoff::Milliseconds(0));
    if (!selection_) selection_ = {.selector = resource_.selector, .from = again};
    selection_->from = std::max(selection_->from, again);
    selection_->put_off = true;
    selection_->newest = list_version_.empty();
    selection_->too_new = too_new_;
    selection_error_ = error_;
    resource_.selector = watched_->selector;
    version_ = watched_->version;
    watched_.reset();
    continue_.clear();
    step_ = Step::kWatch;
    if (!must_wait) pause_ = Backoff::Milliseconds(0);
}

void Reflector::succeed() {
    error_.clear();
    too_new_ = 0;
}

} // namespace bulkhead::source::kube
