// SPDX-License-Identifier: Apache-2.0
//
// Objects of ours as people write them, for the tests of our CRDs: some with every field that there is, and a table
// of wrong ones, of which each has its near miss. As YAML, since what they are held against is not only our decoders.
#pragma once

#include <string>
#include <vector>

namespace bulkhead::test {

/// Of each kind those that have every field at least once among them. They need a namespace `payments`.
std::vector<std::string> whole_objects();

/// Who refuses an object; the agents' decoders do in any case.
enum class Refuses {
    kSchema, // every API server
    kRules,  // those that know rules (CEL)
    kAgent,  // no API server: decoders only
};

struct WrongObject {
    std::string what; // is wrong with it
    std::string kind;
    std::string wrong; // its spec
    std::string right; // the same but for what is wrong
    Refuses refuses;
    std::string server_says; // among other things
    std::string agent_says;
    std::string rules_say = ""; // also, where rules are known and the schema's words don't help
};

std::vector<WrongObject> wrong_objects();

/// A document of ours; in the namespace payments if the kind has one.
std::string document_of(const std::string& kind, const std::string& name, const std::string& spec);

} // namespace bulkhead::test
