// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/table.h"

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>

namespace bulkhead::ctl {

namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 20; // of a wrapped column; narrower ones read worse than long lines

std::vector<std::string> wrapped(const std::string& text, size_t width) {
    std::vector<std::string> lines;
    size_t start = 0;
    while (text.size() - start > width) {
        const size_t space = text.rfind(' ', start + width);
        const bool between_words = space != std::string::npos && space > start;
        const size_t end = between_words ? space : start + width;
        lines.push_back(text.substr(start, end - start));
        start = between_words ? end + 1 : end;
    }
    lines.push_back(text.substr(start));
    return lines;
}

void widen(std::vector<size_t>& widths, const std::vector<std::string>& cells) {
    widths.resize(std::max(widths.size(), cells.size()));
    for (size_t i = 0; i < cells.size(); ++i)
        widths[i] = std::max(widths[i], cells[i].size());
}

void append_row(std::string& out, const std::vector<std::string>& cells, const std::vector<size_t>& widths,
                size_t last_width) {
    if (cells.empty()) return;
    size_t indent = 0;
    for (size_t i = 0; i + 1 < cells.size(); ++i) {
        out += cells[i] + std::string(widths[i] + kGap - cells[i].size(), ' ');
        indent += widths[i] + kGap;
    }
    const auto lines = wrapped(cells.back(), last_width);
    for (size_t i = 0; i < lines.size(); ++i)
        out += (i == 0 ? "" : std::string(indent, ' ')) + lines[i] + "\n";
}

} // namespace

std::string Table::text(size_t width) const {
    std::vector<size_t> widths;
    widen(widths, headers_);
    for (const auto& row : rows_)
        widen(widths, row);
    size_t before_last = 0;
    for (size_t i = 0; i + 1 < widths.size(); ++i)
        before_last += widths[i] + kGap;
    const size_t last_width = std::max(kNarrowest, width > before_last ? width - before_last : 0);

    std::string out;
    append_row(out, headers_, widths, last_width);
    for (const auto& row : rows_)
        append_row(out, row, widths, last_width);
    return out;
}

size_t terminal_width() {
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

} // namespace bulkhead::ctl
