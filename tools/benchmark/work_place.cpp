// SPDX-License-Identifier: Apache-2.0
#include "work_place.h"

#include <sys/mount.h>

#include <cstdlib>

namespace bulkhead::bench {

namespace fs = std::filesystem;

Result<WorkPlace> WorkPlace::create() {
    std::string name = fs::temp_directory_path() / "bulkhead-bench-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) return fail("make a directory", errno);
    return WorkPlace(name);
}

WorkPlace::~WorkPlace() {
    if (path_.empty()) return;
    umount2(bpffs().c_str(), MNT_DETACH);
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

fs::path WorkPlace::path(const char* name) const {
    std::error_code exists;
    fs::create_directory(path_ / name, exists);
    return path_ / name;
}

} // namespace bulkhead::bench
