// SPDX-License-Identifier: Apache-2.0
//
// Whatever can go wrong at AWS and in DNS, all at the same time: each in a region or at a name of its own, which an
// AWSResource of its own names. One controller looks them all up.
#include <cstdlib>
#include <regex>

#include "api_metrics.h"
#include "aws/http.h"
#include "resolve_scene.h"
#include "support/dns_relay.h"

namespace bulkhead::test {
namespace {

constexpr auto kByGroup = "addresses: {securityGroups: [sg-0123456789abcdef0]}";
constexpr auto kByTag = "addresses: {resourceTags: {team: pay}}"; // asks an endpoint that a test can end
constexpr auto kAsRole = ", externalId: ours, roleArn: 'arn:aws:iam::444455556666:role/bulkhead'";
constexpr int kPage = 9 << 20, kLargePage = 11 << 20; // bytes; 10 MiB of one are read, 32 MiB of all of a look-up

struct AwsRow {
    std::string name;   // of the AWSResource
    std::string region; // where it is, and nothing else
    Json fault;         // of what is asked there
    std::string reason; // of the condition
    std::string says;   // in its message
    int calls = 1;      // a sweep, at most
    std::string named = kByGroup;
    std::string as = "";
};

Json refusal(int status, const std::string& code) {
    return {{"status", status}, {"code", code}};
}

const std::vector<AwsRow>& aws_rows() {
    static const std::vector<AwsRow> rows{
        // Pod Identity has none, and AWS doesn't take the old ones any more.
        {"without", "eu-central-1", refusal(401, "AuthFailure"), "NoCredentials", "/v1/credentials answers 404", 2},
        {"expired", "eu-west-1", refusal(400, "RequestExpired"), "NoCredentials", "RequestExpired", 3, kByGroup,
         kAsRole},
        {"denied", "eu-west-2", refusal(403, "UnauthorizedOperation"), "AccessDenied", "UnauthorizedOperation"},
        {"throttled", "eu-west-3", refusal(503, "RequestLimitExceeded"), "Throttled", "RequestLimitExceeded"},
        {"failing", "eu-north-1", refusal(500, "InternalError"), "Unavailable", "InternalError"},
        {"broken", "eu-south-1", {{"close", true}}, "Unavailable", "Empty reply from server"},
        {"refused", "us-west-2", {}, "Unavailable", "Failed to connect", 1, kByTag},
        {"garbage", "us-east-1", {{"body", "\x01<<{]"}}, "Unreadable", "the answer is no XML"},
        {"page", "us-east-2", {{"size", kLargePage}}, "TooLarge", "the answer has more than"},
        {"pages", "us-west-1", {{"endless", kPage}}, "TooLarge", "the answer has more than", 4},
    };
    return rows;
}

struct DnsRow {
    std::string name;                 // of the AWSResource, and in db.test
    DnsResponder::Reply reply;        // none: the server's
    std::vector<std::string> changes; // of its zone
    std::string says;
    std::string outcome; // as the metric's label
};

std::vector<DnsBytes> server_failed(const DnsBytes& question) {
    return {dns_reply(question, 2, 0)};
}

std::vector<DnsBytes> nothing(const DnsBytes&) {
    return {};
}

/// It says that records follow, and what follows is none.
std::vector<DnsBytes> no_records(const DnsBytes& question) {
    auto reply = dns_reply(question, 0, 3);
    reply.insert(reply.end(), {0xc0, 0xff, 0xee, '<', '<', '{', ']', 0});
    return {reply};
}

const std::vector<DnsRow>& dns_rows() {
    static const std::vector<DnsRow> rows{
        {"servfail", server_failed, {}, "can't find out (SERVFAIL)", "server_failed"},
        {"silent", nothing, {}, "doesn't reply", "no_reply"},
        {"nonsense", no_records, {}, "sent a malformed reply", "malformed"},
        {"nxdomain", {}, {"unset nxdomain"}, "there is no such name (NXDOMAIN)", "no_name"},
        {"nodata", {}, {"unset nodata", "set nodata 1 TXT empty"}, "has no such address (NODATA)", "no_address"},
    };
    return rows;
}

std::string address(const std::string& network, size_t row, int number) {
    return network + "." + std::to_string(row) + "." + std::to_string(number);
}

/// What each AWSResource has, by AWS' and DNS' answers; more of them after a recovery.
TextsByName addresses(int of_each) {
    TextsByName all;
    for (int number = 1; number <= of_each; ++number) {
        for (size_t i = 0; i < aws_rows().size(); ++i)
            all[aws_rows()[i].name].insert(address("10.1", i, number));
        for (size_t i = 0; i < dns_rows().size(); ++i)
            all[dns_rows()[i].name].insert(address("10.2", i, number));
    }
    return all;
}

const Json kKeys{{"access_key", "ASIAPOD"}, {"secret_key", "pod/secret+key"}, {"token", "FwoGZXIvYXdz//pod=="}};
constexpr auto kPodToken = "token-of-the-pod";

/// All is well there. In each region is its row's group, and a database cluster that the tag finds.
Json aws_state(int of_each) {
    auto keys = kKeys, somebody = kKeys;
    keys["expires"] = std::time(nullptr) + 3600;
    somebody.update({{"arn", "arn:aws:sts::111122223333:assumed-role/bulkhead/pod"}, {"account", "111122223333"}});
    Json state{{"identities", Json::array({somebody})},
               {"container", {{"authorization", kPodToken}, {"keys", keys}}},
               {"roles", Json::array({{{"arn", kOtherRole}, {"external_id", "ours"}}})},
               {"places", Json::array()}};
    const auto has = addresses(of_each);
    for (const auto& row : aws_rows()) {
        const std::string account = row.as.empty() ? "111122223333" : "444455556666";
        auto place = test::account({has.at(row.name).begin(), has.at(row.name).end()})["places"][0];
        place["interfaces"].erase(0); // a node's, and there is none here
        place.update({{"account", account},
                      {"region", row.region},
                      {"db_clusters", Json::array({{{"id", "ledger"}, {"endpoint", row.name + ".db.test"}}})}});
        place["tagged"]["arn:aws:rds:" + row.region + ":" + account + ":cluster:ledger"]["team"] = "pay";
        state["places"].push_back(place);
    }
    return state;
}

std::string record(const std::string& name, const std::string& address) {
    return name + " 1 A " + address;
}

/// The first address of each name, or the second, as a zone file has it. AWS' are of names that tags find.
std::vector<std::string> records(int number) {
    std::vector<std::string> all;
    for (size_t i = 0; i < aws_rows().size(); ++i)
        all.push_back(record(aws_rows()[i].name, address("10.1", i, number)));
    for (size_t i = 0; i < dns_rows().size(); ++i)
        all.push_back(record(dns_rows()[i].name, address("10.2", i, number)));
    return all;
}

/// Of the environment, for as long as it lives. An empty one is none.
class Variables {
public:
    explicit Variables(const std::map<std::string, std::string>& values) {
        for (const auto& [name, value] : values) {
            const char* before = std::getenv(name.c_str());
            before_[name] = before == nullptr ? "" : before;
            set(name, value);
        }
    }
    ~Variables() {
        for (const auto& [name, value] : before_)
            set(name, value);
    }
    Variables(const Variables&) = delete;

private:
    static void set(const std::string& name, const std::string& value) {
        if (value.empty())
            unsetenv(name.c_str());
        else
            setenv(name.c_str(), value.c_str(), 1);
    }
    std::map<std::string, std::string> before_;
};

struct Ordeal {
    ApiServer server = with_crds();
    std::unique_ptr<AwsStandIn> aws = require(AwsStandIn::start());
    std::unique_ptr<AwsStandIn> tags = require(AwsStandIn::start());
    std::unique_ptr<DnsServer> dns = require(DnsServer::start(records(1)));
    std::unique_ptr<DnsRelay> names = require(DnsRelay::start(dns->text()));
    std::string metrics_address = dns->text().substr(0, dns->text().find(':')) + ":9811"; // of this process alone
    Variables variables{{{"AWS_ENDPOINT_URL", aws->url()},
                         {"AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API", tags->url()},
                         {"AWS_ACCESS_KEY_ID", ""},
                         {"AWS_CONTAINER_CREDENTIALS_FULL_URI", aws->url() + "/v1/credentials"},
                         {"AWS_CONTAINER_AUTHORIZATION_TOKEN", kPodToken}}};
    std::unique_ptr<ControllerProcess> controller;

    Ordeal() {
        require(aws->set(aws_state(1)));
        require(tags->set(aws_state(1)));
        std::string resources;
        const auto add = [&](const std::string& name, const std::string& spec) {
            resources += "apiVersion: bulkhead.dev/v1alpha1\nkind: AWSResource\nmetadata: {name: " + name +
                         "}\nspec: {" + spec + "}\n---\n";
        };
        for (const auto& row : aws_rows())
            add(row.name, row.named + ", aws: {region: " + row.region + row.as + "}");
        for (const auto& row : dns_rows())
            add(row.name, "addresses: {hostnames: [" + row.name + ".db.test]}");
        put(server, resources);
        controller = std::make_unique<ControllerProcess>(
            server.kubeconfig(), "one", nullptr,
            std::vector<std::string>{"--dns-server", names->text(), "--resolve-interval", "1", "--grace", "1",
                                     "--metrics-address", metrics_address});
    }

    void break_all() {
        auto state = aws_state(1);
        state.erase("container");
        for (const auto& row : aws_rows())
            if (!row.fault.empty()) {
                state["faults"].push_back(row.fault);
                state["faults"].back().update({{"service", "ec2"}, {"region", row.region}});
            }
        DnsRelay::Replies replies;
        std::vector<std::string> changes;
        for (const auto& row : dns_rows()) {
            if (row.reply) replies[row.name + ".db.test"] = row.reply;
            changes.insert(changes.end(), row.changes.begin(), row.changes.end());
        }
        require(aws->set(state));
        tags->end();
        require(dns->change(changes));
        names->answer(replies);
    }

    /// And there is news, which only who asks learns.
    void mend_all() {
        require(tags->again());
        require(tags->set(aws_state(2)));
        std::vector<std::string> changes;
        for (const auto& added : records(2))
            changes.push_back("set " + added);
        for (size_t i = 0; i < dns_rows().size(); ++i)
            if (!dns_rows()[i].changes.empty())
                changes.push_back("set " + record(dns_rows()[i].name, address("10.2", i, 1)));
        require(dns->change(changes));
        names->answer({});
        require(aws->set(aws_state(2)));
    }

    TextsByName published() const {
        TextsByName all;
        const auto slices = object(server, {"identityslices"});
        for (const auto& slice : slices.at("items"))
            all[slice.at("spec").at("awsResource")] = addresses_of(slice);
        return all;
    }

    std::map<std::string, Json> resolved() const {
        std::map<std::string, Json> all;
        const auto resources = object(server, {"awsresources"});
        for (const auto& resource : resources.at("items"))
            all[resource.at("metadata").at("name")] = condition_of(resource, "Resolved");
        return all;
    }

    std::string metrics() const {
        const auto http = require(aws::Http::create());
        const auto answer =
            http->send({.method = "GET", .url = "http://" + metrics_address + "/metrics", .direct = true}, {});
        INFO((answer ? "" : answer.error().text));
        REQUIRE(answer);
        REQUIRE(answer->status == 200);
        return answer->body;
    }

    void wait_until_well(int of_each) const {
        const auto is_so = [&] {
            const auto conditions = resolved();
            return published() == addresses(of_each) && std::ranges::all_of(conditions, [](const auto& one) {
                       return one.second.at("status") == "True" && one.second.at("reason") == "Resolved";
                   });
        };
        const bool is_well = wait_until(is_so, after(60s), 200ms);
        INFO(Json(published()).dump() << "\n" << Json(resolved()).dump(1) << "\n" << controller->output());
        REQUIRE(is_well);
    }
};

/// The date of the last good answer, as the message has it.
std::chrono::sys_seconds date_in(const std::string& message) {
    static const std::regex kDate(R"(good answer.* of (\d{4}-[^ ,]+Z),? (and )?stays in force)");
    std::smatch parts;
    INFO(message);
    REQUIRE(std::regex_search(message, parts, kDate));
    return parse_rfc3339(parts[1].str()).value().seconds;
}

/// That the condition comes to say it: the reason, what somebody answered, and how old what is in force is.
void check_told(const Ordeal& ordeal, const std::string& resource, const std::string& reason, const std::string& says,
                std::chrono::sys_seconds begin) {
    Json told;
    const auto is_told = [&] {
        told = ordeal.resolved().at(resource);
        return told.at("status") == "False" && told.at("reason") == reason &&
               told.at("message").get<std::string>().find(says) != std::string::npos;
    };
    const bool is_so = wait_until(is_told, after(60s), 200ms);
    INFO(resource << ": " << reason << ", " << says << "\n" << told.dump(1));
    REQUIRE(is_so);
    const std::string message = told.at("message");
    CHECK(message.starts_with("1 address found\n"));
    const auto date = date_in(message);
    CHECK(date >= begin);
    CHECK(date <= parse_rfc3339(told.at("lastTransitionTime").get<std::string>()).value().seconds);
}

/// As of one sweep a second at most, and one that was under way at either end.
double most_sweeps(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count() + 2;
}

/// `before`: what the metrics said before it all began.
void check_aws_metrics(const Ordeal& ordeal, const std::string& before, Clock::time_point begin) {
    const auto now = ordeal.metrics();
    for (const auto& row : aws_rows()) {
        INFO(row.name);
        const std::vector<std::string> here{"region=\"" + row.region + "\""};
        const auto grown = [&](const std::string& name) {
            return sum_in(now, name, here) - sum_in(before, name, here);
        };
        CHECK(grown("bulkhead_aws_calls_total") > 0);
        CHECK(grown("bulkhead_aws_calls_total") <= row.calls * most_sweeps(begin));
        CHECK((grown("bulkhead_aws_throttled_total") > 0) == (row.reason == "Throttled"));
        CHECK((grown("bulkhead_aws_failed_total") > 0) == (row.reason == "Unavailable"));
        CHECK(sum_in(now, "bulkhead_lookups_failing", {here.front(), "reason=\"" + row.reason + "\""}) == 1);
    }
    const auto calls = require(ordeal.aws->calls());
    const auto of_pod_identity =
        std::count_if(calls.begin(), calls.end(), [](const Json& call) { return call.at("service") == "local"; });
    CHECK(of_pod_identity > 0);
    CHECK(static_cast<double>(of_pod_identity) <= most_sweeps(begin));
    // A condition is written when it becomes another, not at each try.
    const double resources = static_cast<double>(aws_rows().size() + dns_rows().size());
    const auto* written = "bulkhead_controller_writes_total";
    CHECK(sum_in(now, written, {}) - sum_in(before, written, {}) <= 3 * resources);
}

void check_dns_metrics(const Ordeal& ordeal, const std::string& before, const std::map<std::string, size_t>& asked,
                       Clock::time_point begin) {
    const auto now = ordeal.metrics();
    const auto failing = static_cast<double>(dns_rows().size());
    CHECK(sum_in(now, "bulkhead_dns_failing_names", {}) == failing);
    CHECK(sum_in(now, "bulkhead_lookups_failing", {"asked=\"dns\"", "reason=\"NameNotResolved\""}) == failing);
    for (const auto& row : dns_rows()) {
        INFO(row.name);
        const std::vector<std::string> label{"outcome=\"" + row.outcome + "\""};
        CHECK(sum_in(now, "bulkhead_dns_replies_total", label) > sum_in(before, "bulkhead_dns_replies_total", label));
        // Of two families, each twice where nobody answers.
        const auto questions = ordeal.names->questions(row.name + ".db.test") - asked.at(row.name);
        CHECK(questions > 0);
        CHECK(static_cast<double>(questions) <= 4 * most_sweeps(begin));
    }
}

TEST_CASE("whatever fails at AWS and in DNS takes no address away, is told with its age, makes no haste, and passes") {
    const auto today = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    Ordeal ordeal;
    ordeal.wait_until_well(1);
    const SliceWatch watch(ordeal.server);
    const auto before = ordeal.metrics();
    std::map<std::string, size_t> asked;
    for (const auto& row : dns_rows())
        asked[row.name] = ordeal.names->questions(row.name + ".db.test");

    const auto begin = Clock::now();
    ordeal.break_all();
    for (const auto& row : aws_rows())
        check_told(ordeal, row.name, row.reason, row.says, today);
    for (const auto& row : dns_rows())
        check_told(ordeal, row.name, "NameNotResolved", row.says, today);
    // Longer than five times the grace time.
    const auto age = [&] { return sum_in(ordeal.metrics(), "bulkhead_aws_answer_age_seconds", {}); };
    REQUIRE(wait_until([&] { return age() > 5; }, after(60s), 200ms));
    CHECK(ordeal.published() == addresses(1));
    check_aws_metrics(ordeal, before, begin);
    check_dns_metrics(ordeal, before, asked, begin);

    ordeal.mend_all();
    ordeal.wait_until_well(2);
    watch.check_never_less(addresses(1), addresses(2));
    CHECK(sum_in(ordeal.metrics(), "bulkhead_dns_failing_names", {}) == 0);
    CHECK(sum_in(ordeal.metrics(), "bulkhead_lookups_failing", {}) == 0);
}

} // namespace
} // namespace bulkhead::test
