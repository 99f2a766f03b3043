// SPDX-License-Identifier: Apache-2.0
//
// Cuts the JSON that an API server sends into its objects while it arrives, so that a list of thousands
// never stands in memory as a whole: the items of a list, or the events of a watch, one after another.
// Only looks at brackets and strings; whether a piece is JSON, its reader finds out.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace bulkhead::source::kube {

class JsonSplitter {
public:
    enum class Shape {
        kStream, // objects one after another, white space between them
        kList,   // one object whose `items` are the pieces
    };
    /// Larger objects are no Kubernetes objects: etcd takes 1.5 MiB.
    static constexpr size_t kLargestPiece = 16 << 20; // bytes

    /// A piece is followed by kJsonPadding bytes of capacity.
    using Sink = std::function<void(const std::string& piece)>;

    JsonSplitter(Shape shape, Sink sink) : shape_(shape), sink_(std::move(sink)), in_pieces_(shape == Shape::kStream) {}

    /// Takes the next bytes. False: this is no such JSON, and whatever follows is not taken.
    bool feed(std::string_view bytes);

    /// Everything that was begun has ended: the list is complete, or the stream stands between two objects.
    bool is_complete() const { return depth_ == 0 && (shape_ == Shape::kStream || ended_); }

    /// Of a complete list: all of it, but `items` is null.
    const std::string& envelope() const { return envelope_; }

private:
    bool between_pieces() const { return in_pieces_ && depth_ == depth_of_pieces(); }
    int depth_of_pieces() const { return shape_ == Shape::kStream ? 0 : 2; }
    std::string& text() { return in_pieces_ ? piece_ : envelope_; }

    bool step_between(char c);
    bool step_inside(char c);
    void step_in_string(char c);
    void open(char c);
    void close();
    void keep_until(size_t end);

    Shape shape_;
    Sink sink_;
    std::string piece_;
    std::string envelope_;
    std::string key_; // the last string on the envelope's first level
    bool in_pieces_;
    bool in_string_ = false;
    bool escaped_ = false;
    bool ended_ = false; // the list's last bracket was there
    int depth_ = 0;      // open brackets

    std::string_view bytes_; // at hand
    size_t at_ = 0;
    size_t from_ = 0; // what of them is not kept yet
};

} // namespace bulkhead::source::kube
