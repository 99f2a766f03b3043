// SPDX-License-Identifier: Apache-2.0
#include "source/kube/json_splitter.h"

#include "source/reader.h"

namespace bulkhead::source::kube {

namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

} // namespace

bool JsonSplitter::feed(std::string_view bytes) {
    bytes_ = bytes;
    from_ = 0;
    for (at_ = 0; at_ < bytes.size(); ++at_) {
        const char c = bytes[at_];
        if (in_string_) {
            step_in_string(c);
        } else if (!(between_pieces() ? step_between(c) : step_inside(c))) {
            return false;
        }
    }
    if (!between_pieces() && !ended_) keep_until(bytes.size());
    return piece_.size() <= kLargestPiece && envelope_.size() <= kLargestPiece;
}

void JsonSplitter::keep_until(size_t end) {
    text().append(bytes_.substr(from_, end - from_));
    from_ = end;
}

/// Between two pieces nothing is kept.
bool JsonSplitter::step_between(char c) {
    if (c == '{') {
        from_ = at_;
        ++depth_;
        return true;
    }
    if (shape_ == Shape::kList && c == ']') {
        in_pieces_ = false;
        from_ = at_ + 1;
        --depth_;
        return true;
    }
    return is_space(c) || (shape_ == Shape::kList && c == ',');
}

bool JsonSplitter::step_inside(char c) {
    if (depth_ == 0) { // a list before its first bracket, or after its last
        if (c == '{' && !ended_) {
            ++depth_;
            return true;
        }
        return is_space(c);
    }
    if (c == '"') {
        in_string_ = true;
        key_.clear();
    } else if (c == '{' || c == '[') {
        open(c);
    } else if (c == '}' || c == ']') {
        close();
    }
    return true;
}

void JsonSplitter::step_in_string(char c) {
    if (escaped_) {
        escaped_ = false;
    } else if (c == '\\') {
        escaped_ = true;
    } else if (c == '"') {
        in_string_ = false;
        return;
    }
    if (depth_ == 1 && !in_pieces_) key_ += c;
}

void JsonSplitter::open(char c) {
    ++depth_;
    const bool is_items = shape_ == Shape::kList && !in_pieces_ && depth_ == 2 && c == '[' && key_ == "items";
    if (!is_items) return;
    keep_until(at_);
    envelope_ += "null"; // so that nobody takes it for the list
    in_pieces_ = true;
}

void JsonSplitter::close() {
    --depth_;
    if (between_pieces()) {
        keep_until(at_ + 1);
        piece_.reserve(piece_.size() + kJsonPadding);
        sink_(piece_);
        piece_.clear();
    } else if (depth_ == 0) {
        keep_until(at_ + 1);
        ended_ = true;
    }
}

} // namespace bulkhead::source::kube
