// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/validate.h"

#include "bulkheadctl/print.h"
#include "compile/compiler.h"
#include "source/check.h"

namespace bulkhead::ctl {

namespace {

std::vector<state::Problem> problems_among(std::vector<state::Object> objects) {
    state::Cluster cluster;
    for (auto& object : objects)
        cluster.put(std::move(object));
    compile::Compiler compiler({}, {});
    compiler.update(cluster, cluster.take_changes());
    return compiler.desired().problems;
}

Json to_json(const std::vector<state::Problem>& problems) {
    Json json = Json::array();
    for (const auto& problem : problems)
        json.push_back(
            {{"origin", problem.origin}, {"object", problem.object}, {"field", problem.field}, {"text", problem.text}});
    return json;
}

std::string counted(size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

} // namespace

Validation validate(const std::vector<std::string>& paths) {
    Validation validation;
    auto objects = source::read_all(paths, validation.problems);
    validation.objects = objects.size();
    for (auto& problem : problems_among(std::move(objects)))
        (problem.nature == state::Problem::Nature::kMissing ? validation.notes : validation.problems)
            .push_back(std::move(problem));
    return validation;
}

Json to_json(const Validation& validation) {
    return {{"objects", validation.objects},
            {"problems", to_json(validation.problems)},
            {"notes", to_json(validation.notes)}};
}

std::string validation_text(const Json& validation, Width width) {
    auto notes = validation.at("notes");
    for (auto& note : notes)
        note["text"] = "note: among these files " + note.at("text").get<std::string>();
    const auto& problems = validation.at("problems");
    return problems_text(problems, width) + problems_text(notes, width) +
           counted(validation.at("objects").get<size_t>(), "object") + ", " + counted(problems.size(), "problem") +
           ", " + counted(notes.size(), "note") + "\n";
}

} // namespace bulkhead::ctl
