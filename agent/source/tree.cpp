// SPDX-License-Identifier: Apache-2.0
#include "source/tree.h"

#include <dirent.h>

#include <algorithm>
#include <memory>
#include <set>

#include "source/content.h"
#include "source/watcher.h"

namespace bulkhead::source {

namespace {

using Enter = std::function<void(const std::string&, const std::string&)>;

class Walk {
public:
    Walk(const std::string& root, const Enter& enter) : root_(root), enter_(enter) {}

    Tree run() {
        directory("", "");
        return std::move(tree_);
    }

private:
    std::string path_of(const std::string& name) const { return name.empty() ? root_ : root_ + "/" + name; }

    void report(const std::string& name, const std::string& text) {
        tree_.problems.push_back({.origin = name.empty() ? root_ : name, .object = "", .field = "", .text = text});
    }

    void directory(const std::string& name, const std::string& through_link) {
        struct stat status {};
        if (::stat(path_of(name).c_str(), &status) != 0) return hide(name, "cannot be looked at");
        const auto [known, is_new] = visited_.try_emplace({status.st_dev, status.st_ino}, name);
        if (!is_new) {
            return report(name, through_link + "leads to " + path_of(known->second) + ", which is read already");
        }
        enter_(path_of(name), name);
        for (const auto& entry : list(name))
            look_at(join(name, entry), entry);
    }

    /// Sorted, so that every start reads in the same order.
    std::vector<std::string> list(const std::string& name) {
        std::vector<std::string> names;
        const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path_of(name).c_str()), &::closedir);
        if (!dir) {
            hide(name, "cannot be listed");
            return names;
        }
        while (const auto* entry = ::readdir(dir.get()))
            if (entry->d_name[0] != '.') names.emplace_back(entry->d_name); // hidden ones are no source
        std::sort(names.begin(), names.end());
        return names;
    }

    void look_at(const std::string& name, const std::string& last_part) {
        struct stat link {};
        if (::lstat(path_of(name).c_str(), &link) != 0) return; // gone meanwhile
        const bool is_link = S_ISLNK(link.st_mode);
        struct stat status = link;
        if (is_link && ::stat(path_of(name).c_str(), &status) != 0) return hide(name, "is a link that leads nowhere");
        if (S_ISDIR(status.st_mode)) return directory(name, is_link ? "is a link that " : "");
        if (is_source_name(last_part)) tree_.files[name] = {.signature = Signature::of(status), .is_link = is_link};
    }

    /// Reports errno; what was below `name` is unknown now, not gone.
    void hide(const std::string& name, const std::string& what) {
        report(name, what + ": " + std::strerror(errno) + "; what it said last stays in force");
        tree_.unknown.push_back(name);
    }

    const std::string& root_;
    const Enter& enter_;
    Tree tree_;
    std::map<std::pair<dev_t, ino_t>, std::string> visited_; // -> the name it was reached by
};

} // namespace

bool Tree::may_hold(const std::string& name) const {
    if (files.contains(name)) return true;
    return std::any_of(unknown.begin(), unknown.end(), [&](const std::string& hidden) {
        return name == hidden || hidden.empty() || name.starts_with(hidden + "/");
    });
}

Tree walk(const std::string& root, const Enter& enter) {
    return Walk(root, enter).run();
}

} // namespace bulkhead::source
