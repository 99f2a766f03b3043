// SPDX-License-Identifier: Apache-2.0
#include "source/decode.h"

#include <array>

#include "source/parts.h"

namespace bulkhead::source {

namespace {

constexpr std::string_view kOurGroup = "bulkhead.dev";

struct Kind {
    std::string_view group;
    std::string_view version;
    std::string_view name;
    bool namespaced;
    state::Object (*decode)(const Field&, const DecodeContext&);
};

template <auto Decode>
state::Object as_object(const Field& document, const DecodeContext& context) {
    return Decode(document, context);
}

constexpr std::array kKinds{
    Kind{"", "v1", "Namespace", false, as_object<decode_namespace>},
    Kind{"", "v1", "Pod", true, as_object<decode_pod>},
    Kind{"", "v1", "Node", false, as_object<decode_node>},
    Kind{"discovery.k8s.io", "v1", "EndpointSlice", true, as_object<decode_endpoint_slice>},
    Kind{"", "v1", "Service", true, as_object<decode_service>},
    Kind{kOurGroup, "v1alpha1", "Tenant", false, as_object<decode_tenant>},
    Kind{kOurGroup, "v1alpha1", "AccessGrant", true, as_object<decode_access_grant>},
    Kind{kOurGroup, "v1alpha1", "AWSResource", false, as_object<decode_aws_resource>},
};

const Kind* find_kind(std::string_view group, std::string_view name) {
    for (const auto& kind : kKinds)
        if (kind.group == group && kind.name == name) return &kind;
    return nullptr;
}

struct ApiVersion {
    std::string_view group; // empty = Kubernetes' core
    std::string_view version;

    static ApiVersion of(std::string_view text) {
        const auto slash = text.find('/');
        if (slash == std::string_view::npos) return {"", text};
        return {text.substr(0, slash), text.substr(slash + 1)};
    }
};

/// Who the object is; complains if it doesn't say so properly.
std::optional<state::ObjectKey> read_key(const Field& document, const Kind& kind) {
    const auto metadata = document["metadata"];
    auto name = read_name(metadata["name"]);
    if (!name) return std::nullopt;
    state::ObjectKey key{.kind = std::string(kind.name), .ns = "", .name = std::move(*name)};
    if (kind.namespaced) {
        auto ns = read_name(metadata["namespace"]);
        if (!ns) return std::nullopt;
        key.ns = std::move(*ns);
    }
    return key;
}

void decode_kind(const Field& document, const Kind& kind, const DecodeContext& context, Decoded& out) {
    out.ours = true;
    out.key = read_key(document, kind);
    const auto version = ApiVersion::of(*document.value().find("apiVersion")->string()).version;
    if (version != kind.version) {
        document["apiVersion"].complain("version " + std::string(version) + " of " + std::string(kind.name) +
                                        " is not known, " + std::string(kind.version) + " is");
        return;
    }
    if (!out.key) return;
    auto object = kind.decode(document, context);
    if (out.complaints.errors.empty()) out.object = std::move(object);
}

} // namespace

Decoded decode(const Value& document, const state::SharedText& file, state::Pool& pool) {
    Decoded out;
    const Field root(document, out.complaints);
    const auto name = root["kind"].string();
    const auto api_version = root["apiVersion"].string();
    if (!name || !api_version) {
        out.ours = true;
        if (root.is_object() && out.complaints.errors.empty())
            root[name ? "apiVersion" : "kind"].complain("is missing: not a Kubernetes object");
        return out;
    }
    const auto group = ApiVersion::of(*api_version).group;
    const auto* kind = find_kind(group, *name);
    if (kind == nullptr) {
        out.ours = group == kOurGroup;
        if (out.ours) root["kind"].complain("\"" + *name + "\" is not a kind of " + std::string(kOurGroup));
        return out;
    }
    if (kind->name == "EndpointSlice" && !is_relevant_slice(root)) return out;
    decode_kind(root, *kind, {.file = file, .pool = pool}, out);
    return out;
}

} // namespace bulkhead::source
