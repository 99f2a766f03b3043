// SPDX-License-Identifier: Apache-2.0
//
// Keeps what we know of one resource in step with the API server: lists it, in pages, then watches from
// where the list ended, again and again; lists anew only where the server has forgotten that place (410).
// What goes wrong is told in words, and tried again later and later.
// (Kubernetes documentation, "API concepts": efficient detection of changes, resource versions.)
//
// Two ways of listing: in pages, or where the server has it as a watch that begins with everything
// ("streaming lists"), which costs the server no memory.
//
// A server that hangs keeps its connections, so silence is what tells: of an answer that hasn't begun, of a list, and
// of a watch at a server that is known to send bookmarks, one a minute (same page, "watch bookmarks").
//
// One thread. Things happen in tick() and in the client's work() only.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "source/document.h"
#include "source/kube/backoff.h"
#include "source/kube/credentials.h"
#include "source/kube/http_client.h"
#include "source/kube/json_splitter.h"
#include "source/kube/resource.h"
#include "source/kube/status.h"
#include "source/source.h"

namespace bulkhead::source::kube {

/// Who is told. Objects are documents with kind and apiVersion.
class ReflectorSink {
public:
    virtual ~ReflectorSink() = default;
    virtual void begin_list() = 0;      // it may break off, and another begin
    virtual void put(Value object) = 0; // listed, added or changed
    /// Likewise, but all that could be read of it is its name: what is wrong.
    virtual void put_unreadable(Value object, const std::string& why) = 0;
    virtual void remove(Value object) = 0;
    virtual void end_list() = 0; // what was not put since begin_list() is gone
};

/// How long a server may be silent before it counts as one that hangs.
struct Patience {
    std::chrono::seconds answer{30}; // before an answer begins, and in the midst of a list
    std::chrono::seconds watch{150}; // of one that sends bookmarks: two of them are missing
};

class Reflector {
public:
    using Time = std::chrono::steady_clock::time_point;

    Reflector(Resource resource, HttpClient& client, Credentials& credentials, ReflectorSink& sink, uint32_t seed,
              Patience patience = {});

    /// Starts what is due.
    void tick(Time now);

    /// tick() is wanted then; nothing while a request is under way that may be silent for as long as it likes.
    std::optional<Time> wakes_at() const;

    /// Not before then: spreads the start of many agents.
    void wait_until(Time time) { next_try_ = time; }

    /// Streaming lists are worth a try.
    void allow_streaming() { streaming_ = true; }

    /// From `time` on asks for these, and lists them first: until that list is complete, what was told stays. While the
    /// server refuses the list, what was asked for before goes on being watched.
    void select(std::string selector, Time time);

    /// What was selected last has been listed.
    bool selection_listed() const { return selection_listed_; }

    /// The first list must not be older; before the first tick().
    void start_from(std::string version) { list_version_ = std::move(version); }

    /// What was told last is of this version; empty before the first list.
    const std::string& version() const { return version_; }

    bool synced() const { return synced_; } // the first list is complete
    /// Empty = all is well.
    const std::string& error() const { return error_.empty() ? selection_error_ : error_; }
    const Resource& resource() const { return resource_; }

    /// As of the last tick(): up to date while the server has accepted our watch.
    const Hearing& hearing() const { return hearing_; }

private:
    enum class Step : uint8_t { kList, kStreamingList, kWatch };

    // Asking
    bool may_take_selection() const;
    void take_selection(Time now);
    void start();
    void begin_list();
    Request request();
    std::string list_query() const;
    std::string watch_query(std::chrono::seconds lifetime) const;

    // Hearing
    void accept();
    bool take(std::string_view bytes);
    void take_piece(const std::string& piece);
    void put(Value object, const std::string& unreadable);
    void take_item(Value item, const std::string& unreadable);
    void take_event(Value event, const std::string& unreadable);
    void take_bookmark(const Value& object);
    void take_error(const Value& status);
    void finish_list(std::string version);

    // Ending
    void end(const Response& response);
    void end_page();
    void end_watch(const std::string& error);
    void end_refused(const Status& status);
    void end_too_new(const Status& status);
    void try_next_root();
    void end_stalled();
    void note_broken_stream();
    void list_anew(std::string version);
    void fail(std::string error, std::optional<std::chrono::seconds> at_least = std::nullopt);
    void put_off_selection(bool must_wait);
    void succeed();

    std::optional<std::chrono::seconds> longest_silence() const;
    bool watches_break() const;
    std::string api_version() const { return api_version_of(resource_.roots[root_]); }

    Resource resource_;
    Patience patience_;
    HttpClient& client_;
    Credentials& credentials_;
    ReflectorSink& sink_;
    Backoff backoff_;

    Step step_ = Step::kList;
    size_t root_ = 0; // of resource_.roots
    bool streaming_ = false;
    bool in_pages_ = true;
    std::string list_version_ = "0"; // not older than this; "0" = any; empty = the newest
    std::string continue_;           // the next page of the list under way
    std::string version_;            // where to watch from
    bool synced_ = false;

    HttpClient::TransferPtr transfer_{nullptr, nullptr};
    uint64_t proof_version_ = 0; // with which it was sent
    std::optional<JsonSplitter> splitter_;
    std::string broken_; // why the answer at hand is given up
    std::optional<Status> error_event_;
    bool up_to_date_ = false; // a watch was accepted, and has not ended
    bool lived_ = false;      // the watch that ended
    bool accepted_ = false;   // the request under way, by a 200
    bool bookmarks_ = false;  // the server sends them to watches that have nothing else to say
    bool stalled_ = false;    // the last request: the next one goes by another connection
    int broken_streams_ = 0;  // streaming lists in a row that broke off
    Time heard_at_{};         // something of the request under way, or its start
    Time accepted_at_{};      // the watch

    struct Selection {
        std::string selector;
        Time from;
        bool put_off = false; // its list was refused
        bool newest = false;  // ... as one that must not be older than a version
        int too_new = 0;      // ... for that version, times in a row
    };
    std::optional<Selection> selection_; // not taken yet
    bool selection_listed_ = false;
    std::string selection_error_; // why it isn't

    struct Watched {
        std::string selector;
        std::string version;
    };
    std::optional<Watched> watched_; // before the selection whose list is under way
    std::optional<Backoff::Milliseconds> pause_ = Backoff::Milliseconds(0); // before the next try
    Time next_try_{};
    int too_new_ = 0;     // times in a row
    int short_lived_ = 0; // watches in a row
    std::string error_;
    Hearing hearing_;
};

} // namespace bulkhead::source::kube
