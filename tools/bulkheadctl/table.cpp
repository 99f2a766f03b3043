// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/table.h"

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/printable.h"
#include "base/utf8.h"

namespace bulkhead::ctl {

namespace {

constexpr size_t kNarrowest = 12;     // of a column that gives way; narrower ones read worse than long lines
constexpr size_t kNarrowestLast = 20; // of the last one, where that alone does
constexpr size_t kEndless = 100'000;
constexpr size_t kIndent = 2; // of what is below a row, and then the gap

size_t longest_word(const std::string& text) {
    size_t longest = 0;
    for (size_t start = 0; start < text.size();) {
        const size_t end = std::min(text.find(' ', start), text.size());
        longest = std::max(longest, end - start);
        start = end + 1;
    }
    return longest;
}

size_t sum_of(const std::vector<size_t>& widths, size_t most) {
    size_t sum = 0;
    for (const size_t width : widths)
        sum += std::min(width, most);
    return sum;
}

void widen(std::vector<size_t>& widths, const std::vector<std::string>& cells) {
    widths.resize(std::max(widths.size(), cells.size()));
    for (size_t i = 0; i < cells.size(); ++i)
        widths[i] = std::max(widths[i], cells[i].size());
}

} // namespace

size_t joint_in(std::string_view text) {
    for (const char* joints : {"/-,=_", ".:"}) {
        const size_t joint = text.find_last_of(joints);
        if (joint != std::string_view::npos && joint + 1 >= text.size() / 3) return joint + 1;
    }
    return 0;
}

std::string paragraph_of(const std::string& text, Width width) {
    if (!width.narrows_all) return text + "\n";
    std::string lines;
    for (const auto& line : wrapped(text, width.columns))
        lines += line + "\n";
    return lines;
}

std::vector<std::string> wrapped(const std::string& text, size_t width) {
    std::vector<std::string> lines;
    size_t start = 0;
    while (text.size() - start > width) {
        const size_t space = text.rfind(' ', start + width);
        const bool between_words = space != std::string::npos && space > start;
        const auto most = cut_utf8(std::string_view(text).substr(start), width);
        const size_t joint = joint_in(most);
        const size_t end = between_words ? space : start + std::max<size_t>(joint != 0 ? joint : most.size(), 1);
        lines.push_back(text.substr(start, end - start));
        start = between_words ? end + 1 : end;
    }
    lines.push_back(text.substr(start));
    return lines;
}

std::vector<size_t> fitted(std::vector<size_t> widths, Width width) {
    if (widths.empty()) return widths;
    const size_t gaps = (widths.size() - 1) * kGap;
    const size_t room = width.columns > gaps ? width.columns - gaps : 0;
    if (width.narrows_all && sum_of(widths, kEndless) > room) {
        size_t most = kNarrowest;
        while (sum_of(widths, most + 1) <= room)
            ++most;
        for (auto& one : widths)
            one = std::min(one, most);
    }
    size_t before_last = 0;
    for (size_t i = 0; i + 1 < widths.size(); ++i)
        before_last += widths[i];
    const size_t narrowest = width.narrows_all ? kNarrowest : kNarrowestLast;
    widths.back() = std::max(narrowest, room > before_last ? room - before_last : 0);
    return widths;
}

void Table::add(const std::vector<std::string>& cells) {
    auto& row = rows_.emplace_back();
    for (const auto& cell : cells)
        row.cells.push_back(printable(cell));
}

void Table::add_below(const std::string& text) {
    rows_.back().below.push_back(printable(text));
}

std::string row_text(const std::vector<std::string>& cells, const std::vector<size_t>& widths, const Painter& paint) {
    std::vector<std::vector<std::string>> lines;
    size_t height = 0;
    for (size_t i = 0; i < cells.size(); ++i)
        height = std::max(height, lines.emplace_back(wrapped(cells[i], widths[i])).size());
    std::string out;
    for (size_t line = 0; line < height; ++line) {
        for (size_t i = 0; i < cells.size(); ++i) {
            std::string cell = line < lines[i].size() ? lines[i][line] : "";
            const size_t size = cell.size();
            if (i + 1 < cells.size()) cell.append(widths[i] + kGap - std::min(size, widths[i] + kGap), ' ');
            out += paint && size != 0 ? paint(i, std::move(cell)) : cell;
        }
        out.erase(out.find_last_not_of(' ') + 1);
        out += "\n";
    }
    return out;
}

std::string Table::text(Width width) const {
    std::vector<size_t> natural;
    widen(natural, headers_);
    for (const auto& row : rows_)
        widen(natural, row.cells);
    auto widths = fitted(std::move(natural), width);
    if (!width.narrows_all && !widths.empty())
        for (const auto& row : rows_)
            if (row.cells.size() == widths.size())
                widths.back() = std::max(widths.back(), longest_word(row.cells.back()));
    const std::vector<size_t> below_widths{kIndent, std::max(kNarrowestLast, width.columns) - kIndent - kGap};

    std::string out = row_text(headers_, widths);
    for (const auto& row : rows_) {
        out += row_text(row.cells, widths);
        for (const auto& text : row.below)
            out += row_text({"", text}, below_widths);
    }
    return out;
}

Width terminal_width() {
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return {known ? size.ws_col : size_t{80}, isatty(STDOUT_FILENO) == 1};
}

size_t row_width() {
    return isatty(STDOUT_FILENO) == 1 ? terminal_width().columns : kEndless;
}

} // namespace bulkhead::ctl
