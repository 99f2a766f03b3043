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
    std::string_view older; // of the same shape; or empty
    std::string_view name;
    bool namespaced;
    state::Object (*decode)(const Field&, const DecodeContext&);
};

template <auto Decode>
state::Object as_object(const Field& document, const DecodeContext& context) {
    return Decode(document, context);
}

constexpr std::array kKinds{
    Kind{"", "v1", "", "Namespace", false, as_object<decode_namespace>},
    Kind{"", "v1", "", "Pod", true, as_object<decode_pod>},
    Kind{"", "v1", "", "Node", false, as_object<decode_node>},
    Kind{"discovery.k8s.io", "v1", "v1beta1", "EndpointSlice", true, as_object<decode_endpoint_slice>},
    Kind{"", "v1", "", "Service", true, as_object<decode_service>},
    Kind{kOurGroup, "v1alpha1", "", "Tenant", false, as_object<decode_tenant>},
    Kind{kOurGroup, "v1alpha1", "", "AccessGrant", true, as_object<decode_access_grant>},
    Kind{kOurGroup, "v1alpha1", "", "AWSResource", false, as_object<decode_aws_resource>},
    Kind{kOurGroup, "v1alpha1", "", "Override", false, as_object<decode_override>},
    Kind{kOurGroup, "v1alpha1", "", "IdentitySlice", false, as_object<decode_identity_slice>},
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

constexpr std::string_view kTwice = "is there twice";

/// What is in force where Kubernetes' own objects say something twice.
std::string_view what_counts(std::string_view kind, std::string_view path) {
    struct Row {
        std::string_view kind;
        std::string_view path;
        std::string_view what;
    };
    static constexpr std::array kRows{
        Row{"Namespace", "metadata.labels", "both count"},
        Row{"Namespace", "metadata.labels[bulkhead.dev/level]", "the stricter one counts"},
        Row{"Namespace", "metadata.labels[bulkhead.dev/mode]", "the stricter one counts"},
        Row{"Namespace", "metadata.labels[bulkhead.dev/tenant]", "it names a tenant only if both are the same"},
        Row{"Namespace", "metadata.labels[capsule.clastix.io/tenant]", "it names a tenant only if both are the same"},
        Row{"Namespace", "metadata.labels[kiosk.sh/account]", "it names a tenant only if both are the same"},
        Row{"Pod", "metadata.annotations[bulkhead.dev/expose]", "it opens nothing"},
    };
    for (const auto& row : kRows)
        if (row.kind == kind && row.path == path) return row.what;
    return "the last one counts";
}

/// An object of ours that says something twice is invalid; of one that says twice who it is, nothing counts.
/// True = that.
bool report_repeated(const Field& document, const Kind& kind) {
    bool ambiguous = false;
    document.each_repeated([&](const Field& member) {
        const auto path = member.path();
        const bool who = path == "metadata" || path == "metadata.name" || path == "metadata.namespace";
        ambiguous |= who;
        if (who || kind.group == kOurGroup) return member.complain(std::string(kTwice));
        member.remark(std::string(kTwice) + "; " + std::string(what_counts(kind.name, path)));
    });
    return ambiguous;
}

void decode_kind(const Field& document, const Kind& kind, const DecodeContext& context, Decoded& out) {
    out.ours = true;
    if (report_repeated(document, kind)) return;
    out.key = read_key(document, kind);
    const auto version = ApiVersion::of(*document.value().find("apiVersion")->string()).version;
    if (version != kind.version && (kind.older.empty() || version != kind.older)) {
        document["apiVersion"].complain("version " + std::string(version) + " of " + std::string(kind.name) +
                                        " is not known, " + std::string(kind.version) + " is");
        return;
    }
    if (!out.key) return;
    auto object = kind.decode(document, context);
    if (out.complaints.errors.empty()) out.object = std::move(object);
}

} // namespace

bool is_waited_for(const state::ObjectKey& key) {
    return key.kind != "AccessGrant" && key.kind != "Service" && key.kind != "IdentitySlice";
}

Decoded decode(const Value& document, const state::SharedText& file, state::Pool& pool) {
    Decoded out;
    const Field root(document, out.complaints);
    for (const std::string_view key : {"kind", "apiVersion"}) {
        if (document.count(key) < 2) continue;
        out.ours = true;
        root[key].complain(std::string(kTwice));
        return out;
    }
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
