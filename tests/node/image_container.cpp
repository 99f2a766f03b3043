// SPDX-License-Identifier: Apache-2.0
#include "image_container.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>

namespace bulkhead::test {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr const char* kId = "it";
constexpr const char* kManifests = "/manifests"; // inside

/// crun refuses to look at a machine that has both versions of control groups, and needs neither here.
Words crun(const fs::path& state, const Words& words) {
    Words all{"unshare",
              "--mount",
              "sh",
              "-c",
              "mount -t cgroup2 none /sys/fs/cgroup && exec crun \"$@\"",
              "crun",
              "--root",
              state,
              "--cgroup-manager=disabled"};
    all.insert(all.end(), words.begin(), words.end());
    return all;
}

YAML::Node pod_of(const std::string& manifest) {
    return YAML::LoadFile(std::string(BULKHEAD_MANIFESTS "/") + manifest)["spec"]["template"]["spec"];
}

YAML::Node named(const YAML::Node& list, const std::string& name) {
    for (const auto& one : list)
        if (one["name"].as<std::string>() == name) return one;
    return YAML::Node(YAML::NodeType::Undefined);
}

YAML::Node container_of(const YAML::Node& pod, const std::string& name) {
    for (const char* kind : {"containers", "initContainers"})
        if (const auto found = named(pod[kind], name)) return found;
    FAIL("no container is called " << name);
    return {};
}

Json arguments_of(const YAML::Node& container, const Place& node, const Json& entrypoint) {
    Json words = container["command"] ? Json(container["command"].as<Words>()) : entrypoint;
    if (!container["args"]) return words;
    for (std::string word : container["args"].as<Words>()) {
        if (const auto at = word.find("$(NODE_NAME)"); at != std::string::npos) word.replace(at, 12, node.name);
        words.push_back(word == "--source=kube" ? std::string("--source=dir:") + kManifests : word);
    }
    return words;
}

Json capabilities_of(const YAML::Node& context, const std::set<std::string>& without) {
    REQUIRE(context["capabilities"]["drop"].as<Words>() == Words{"ALL"});
    Json names = Json::array();
    for (const auto& name : context["capabilities"]["add"])
        if (!without.contains(name.as<std::string>())) names.push_back("CAP_" + name.as<std::string>());
    return {{"bounding", names}, {"effective", names}, {"permitted", names}};
}

Json bind_mount(const std::string& at, const fs::path& source, bool read_only, bool follows_host) {
    Json options{"rbind", read_only ? "ro" : "rw"};
    if (follows_host) options.push_back("rslave");
    return {{"destination", at}, {"type", "bind"}, {"source", source}, {"options", options}};
}

Json mounts_of(const YAML::Node& pod, const YAML::Node& container, const NodeFiles& files) {
    Json mounts = Json::array();
    for (const auto& mount : container["volumeMounts"]) {
        const auto volume = named(pod["volumes"], mount["name"].as<std::string>());
        const fs::path source = volume["hostPath"] ? files.host_path(volume["hostPath"]["path"].as<std::string>())
                                                   : files.config_map(volume["configMap"]["name"].as<std::string>());
        if (volume["hostPath"] && volume["hostPath"]["type"].as<std::string>() == "DirectoryOrCreate")
            fs::create_directories(source);
        mounts.push_back(bind_mount(mount["mountPath"].as<std::string>(), source, mount["readOnly"].as<bool>(false),
                                    mount["mountPropagation"].as<std::string>("") == "HostToContainer"));
    }
    return mounts;
}

/// A pod on its host's network is on its host's UTS namespace too.
Json namespaces_of(Json namespaces, const YAML::Node& pod, const Place& node) {
    REQUIRE(pod["hostNetwork"].as<bool>());
    std::erase_if(namespaces.get_ref<Json::array_t&>(), [](const Json& one) { return one.at("type") == "uts"; });
    for (Json& one : namespaces)
        if (one.at("type") == "network") one["path"] = "/run/netns/" + node.netns.name();
    return namespaces;
}

/// What a kubelet and its container runtime make of the image and the manifest.
Json config_of(const Bundle& bundle, const Net& net, const Place& node, const NodeFiles& files,
               const Container::Options& options) {
    const auto pod = pod_of(options.manifest);
    const auto container = container_of(pod, options.name);
    const auto context = container["securityContext"];
    REQUIRE_FALSE(context["privileged"].as<bool>());
    Json config = bundle.config();
    Json& process = config["process"];
    process["terminal"] = false;
    process["args"] = arguments_of(container, node, process.at("args"));
    process["user"] = {{"uid", context["runAsUser"].as<int>()}, {"gid", context["runAsGroup"].as<int>()}};
    process["capabilities"] = capabilities_of(context, options.without);
    process["noNewPrivileges"] = !context["allowPrivilegeEscalation"].as<bool>();
    config["root"] = {{"path", bundle.rootfs()}, {"readonly", context["readOnlyRootFilesystem"].as<bool>()}};
    config["linux"]["namespaces"] = namespaces_of(config["linux"]["namespaces"], pod, node);
    config["linux"].erase("resources");
    config.erase("hostname");
    auto& mounts = config["mounts"].get_ref<Json::array_t&>();
    std::erase_if(mounts, [](const Json& mount) { return mount.at("type") == "cgroup"; });
    for (const Json& mount : mounts_of(pod, container, files))
        mounts.push_back(mount);
    mounts.push_back(bind_mount(kManifests, net.manifests().directory(), true, false));
    return config;
}

} // namespace

Bundle Bundle::unpack(const fs::path& tarball, const fs::path& folder) {
    return require(try_unpack(tarball, folder));
}

Result<Bundle> Bundle::try_unpack(const fs::path& tarball, const fs::path& folder) {
    const fs::path layout = folder.string() + ".layout";
    fs::create_directories(layout);
    require(run_command({"tar", "-xf", tarball, "-C", layout}));
    const auto tags = require(run_command({"umoci", "list", "--layout", layout}));
    const auto tag = tags.substr(0, tags.find('\n'));
    const auto unpacked = run_command({"umoci", "unpack", "--image", layout.string() + ":" + tag, folder});
    if (!unpacked) return tl::unexpected(unpacked.error());
    return Bundle(folder, Json::parse(std::ifstream(folder / "config.json")));
}

NodeFiles::NodeFiles(const Net& net)
    : folder_(net.directory() / "node-files"), bpffs_((folder_ / "sys" / "fs" / "bpf").string()) {
    fs::create_directories(folder_ / "run");
    const fs::path settings = config_map("bulkhead-agent");
    fs::create_directories(settings);
    fs::copy_file(BULKHEAD_MANIFESTS "/base/agent.toml", settings / "agent.toml");
}

fs::path NodeFiles::host_path(const std::string& path) const {
    return folder_ / fs::path(path).relative_path();
}

Container Container::start(const Net& net, const Place& node, const NodeFiles& files, const Bundle& bundle,
                           const Options& options) {
    const fs::path place = net.directory() / ("container-" + options.name);
    fs::remove_all(place);
    fs::create_directories(place / "bundle");
    std::ofstream(place / "bundle" / "config.json") << config_of(bundle, net, node, files, options);
    const auto words = crun(place / "state", {"run", "--bundle", place / "bundle", kId});
    return {require(Process::start(words, Process::Options{.input = ""})), place / "state"};
}

Container::~Container() {
    if (!state_.empty()) (void)run_command(crun(state_, {"delete", "--force", kId}));
}

pid_t Container::pid() const {
    return Json::parse(require(run_command(crun(state_, {"state", kId})))).at("pid");
}

std::pair<int, std::string> Container::exec(Words words) const {
    words.insert(words.begin(), {"exec", kId});
    Process process = require(Process::start(crun(state_, words), Process::Options{.input = ""}));
    const auto status = process.wait(after(30s));
    if (!status) FAIL(words.back() << " doesn't end: " << process.output());
    return {*status, process.output()};
}

} // namespace bulkhead::test
