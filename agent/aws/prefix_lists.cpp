// SPDX-License-Identifier: Apache-2.0
#include "aws/prefix_lists.h"

#include <charconv>
#include <string_view>

#include "aws/filters.h"
#include "aws/pages.h"

namespace bulkhead::aws {

namespace {

std::optional<uint64_t> number(std::string_view text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Answer<> describe(Caller& caller, const Form& form, PrefixLists& all) {
    constexpr auto kPaging = ec2_paging("DescribeManagedPrefixLists", "100");
    return for_each_page(caller, kPaging, form, [&](pugi::xml_node content, Wanted& wanted) {
        for (const auto item : wanted.list(content, "prefixListSet").children("item")) {
            PrefixList list{.id = wanted.text(item, "prefixListId"),
                            .name = wanted.text(item, "prefixListName"),
                            .version = number(item.child_value("version")),
                            .entries = {},
                            .tags = wanted.tags(item)};
            all.insert_or_assign(list.id, std::move(list));
        }
    });
}

Answer<> read_entries(Caller& caller, PrefixList& list) {
    constexpr auto kPaging = ec2_paging("GetManagedPrefixListEntries", "100");
    Form form;
    form.add("PrefixListId", list.id);
    // Entries of one version: pages of several would make a list that never was.
    if (list.version) form.add("TargetVersion", std::to_string(*list.version));
    return for_each_page(caller, kPaging, form, [&](pugi::xml_node content, Wanted& wanted) {
        for (const auto item : wanted.list(content, "entrySet").children("item"))
            list.entries.push_back(wanted.cidr(item, "cidr"));
    });
}

} // namespace

Answer<PrefixLists> describe_prefix_lists(Caller& caller, const std::set<std::string>& wanted,
                                          const PrefixLists& known) {
    std::set<std::string> ids, names;
    for (const auto& one : wanted)
        (one.starts_with("pl-") ? ids : names).insert(one);
    auto forms = filtered("prefix-list-id", ids);
    for (auto& form : filtered("prefix-list-name", names))
        forms.push_back(std::move(form));
    PrefixLists all;
    for (const auto& form : forms)
        if (auto described = describe(caller, form, all); !described) return tl::unexpected(described.error());
    for (auto& [id, list] : all) {
        const auto before = known.find(id);
        const bool same = before != known.end() && list.version && before->second.version == list.version;
        if (same)
            list.entries = before->second.entries;
        else if (auto read = read_entries(caller, list); !read)
            return tl::unexpected(read.error());
    }
    return all;
}

} // namespace bulkhead::aws
