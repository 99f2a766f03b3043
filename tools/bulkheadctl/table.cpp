// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/table.h"

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/printable.h"
#include "base/utf8.h"

namespace bulkhead::ctl {

namespace {

constexpr size_t kNarrowest = 20; // of a wrapped column; narrower ones read worse than long lines
constexpr size_t kEndless = 100'000;

std::vector<std::string> wrapped(const std::string& text, size_t width) {
    std::vector<std::string> lines;
    size_t start = 0;
    while (text.size() - start > width) {
        const size_t space = text.rfind(' ', start + width);
        const bool between_words = space != std::string::npos && space > start;
        const auto most = cut_utf8(std::string_view(text).substr(start), width).size();
        const size_t end = between_words ? space : start + std::max<size_t>(most, 1);
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

} // namespace

void Table::add(const std::vector<std::string>& cells) {
    auto& row = rows_.emplace_back();
    for (const auto& cell : cells)
        row.push_back(printable(cell));
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

std::string Table::text(size_t width) const {
    std::vector<size_t> widths;
    widen(widths, headers_);
    for (const auto& row : rows_)
        widen(widths, row);
    size_t before_last = 0;
    for (size_t i = 0; i + 1 < widths.size(); ++i)
        before_last += widths[i] + kGap;
    if (!widths.empty()) widths.back() = std::max(kNarrowest, width > before_last ? width - before_last : 0);

    std::string out = row_text(headers_, widths);
    for (const auto& row : rows_)
        out += row_text(row, widths);
    return out;
}

size_t terminal_width() {
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

size_t row_width() {
    return isatty(STDOUT_FILENO) == 1 ? terminal_width() : kEndless;
}

} // namespace bulkhead::ctl
