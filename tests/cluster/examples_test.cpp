// SPDX-License-Identifier: Apache-2.0
//
// The clusters of manifests/examples, applied with kubectl and asked with real packets: everybody to everybody as the
// oracle says, and some cells of that written down by hand. Then labels, Tenants and pods change under the running
// agents, and everybody asks again.
#include "example_cluster.h"

namespace bulkhead::test {
namespace {

constexpr uint16_t kHttp = 8080, kHttps = 8443, kGrpc = 9000, kWeb = 9090, kMetrics = 9100;
constexpr uint16_t kMysql = 3306, kPostgres = 5432, kRedis = 6379, kNobodys = matrix::kNobodysPort;

std::string from_now(std::chrono::seconds delay) {
    return time_text(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + delay);
}

TEST_CASE("the example with a namespace for each service is as its labels and grants say, and follows kubectl") {
    ExampleCluster cluster({.directory = "service-per-namespace",
                            .tenant_sources = {"tenant", "label", "namespace"},
                            .resources = {"payments-aurora"}});
    const auto job_until = [&](std::chrono::seconds delay) {
        cluster.kubectl({"-n", "payments", "patch", "accessgrant", "from-year-end-close", "--type=merge", "-p",
                         R"({"spec": {"until": ")" + from_now(delay) + R"("}})"});
    };
    job_until(1h);
    cluster.check_matrix({
        // nobody protects blog; it is a stranger to all who are protected
        {"payments/api-0", "blog/web-0", kHttp, true},
        {"blog/web-0", "payments/api-0", kGrpc, false},
        {"blog/web-0", "invoices/web-0", kHttp, false},
        {"blog/web-0", "monitoring/prometheus-0", kWeb, false},
        {"blog/web-0", "expenses/web-0", kHttp, true}, // audit
        // one port, one ServiceAccount
        {"invoices/web-0", "payments/api-0", kGrpc, true},
        {"invoices/web-0", "payments/api-1", kGrpc, true},
        {"invoices/web-0", "payments/api-0", kMetrics, false},
        {"expenses/web-0", "payments/api-0", kGrpc, false},
        {"accounting/year-end-close-0", "payments/api-0", kGrpc, true},
        {"accounting/year-end-close-0", "payments/api-0", kMetrics, false},
        {"ingress/controller-0", "invoices/web-0", kHttp, true},
        {"ingress/controller-0", "invoices/web-0", kMetrics, false},
        {"ingress/controller-0", "payments/api-0", kGrpc, false},
        {"internet", "ingress/controller-0", kHttps, true},
        {"internet", "invoices/web-0", kHttp, false},
        // two namespaces of one tenant
        {"payments-batch/settlement-0", "payments/api-1", kNobodys, true},
        {"payments/api-0", "payments-batch/settlement-0", kNobodys, true},
        {"monitoring/prometheus-0", "payments/api-0", kMetrics, true},
        {"monitoring/prometheus-0", "payments/api-0", kGrpc, false},
        // the database is its owner's; its other ports are left alone
        {"payments/api-0", "payments-aurora", kMysql, true},
        {"payments-batch/settlement-0", "payments-aurora", kMysql, true},
        {"invoices/web-0", "payments-aurora", kMysql, false},
        {"monitoring/prometheus-0", "payments-aurora", kMysql, false},
        {"invoices/web-0", "payments-aurora", kNobodys, true},
    });

    job_until(-1s);
    cluster.kubectl({"label", "namespace", "expenses", "bulkhead.dev/mode=enforce", "--overwrite"});
    cluster.kubectl({"label", "namespace", "blog", "bulkhead.dev/level=protected"});
    cluster.kubectl({"patch", "tenant.bulkhead.dev", "monitoring", "--type=merge", "-p",
                     R"({"spec": {"trusted": [{"podSelector": {"matchLabels": {"app": "prometheus"}},
                                               "ports": [{"port": 9000}]}]}})"});
    cluster.check_matrix({
        {"accounting/year-end-close-0", "payments/api-0", kGrpc, false},
        {"blog/web-0", "expenses/web-0", kHttp, false},
        {"ingress/controller-0", "expenses/web-0", kHttp, false},
        {"payments/api-0", "blog/web-0", kHttp, false},
        {"monitoring/prometheus-0", "payments/api-0", kMetrics, false},
        {"monitoring/prometheus-0", "payments/api-0", kGrpc, true},
        {"invoices/web-0", "payments/api-0", kGrpc, true},
    });

    cluster.put("apiVersion: bulkhead.dev/v1alpha1\nkind: AccessGrant\n"
                "metadata: {name: from-ingress, namespace: expenses}\n"
                "spec: {from: [{namespace: ingress}], ports: [{port: http}]}\n");
    const std::string before = cluster.pod("invoices/web-0").node;
    const int address = cluster.end("invoices/web-0");
    cluster.run("blog/web", before, address); // the grant doesn't go with the address
    cluster.run("invoices/web", before == kNodeA ? kNodeB : kNodeA);
    cluster.check_matrix({
        {"blog/web-1", "payments/api-0", kGrpc, false},
        {"invoices/web-1", "payments/api-0", kGrpc, true},
        {"ingress/controller-0", "invoices/web-1", kHttp, true},
        {"ingress/controller-0", "blog/web-1", kHttp, false},
        {"ingress/controller-0", "expenses/web-0", kHttp, true},
    });
}

TEST_CASE("the example with HNC is as its trees say, and follows kubectl") {
    ExampleCluster cluster({.directory = "hnc",
                            .tenant_sources = {"tenant", "hnc", "namespace"},
                            .resources = {"accounts-aurora", "ads-redis"}});
    cluster.check_matrix({
        // one branch of an open tree is protected, a child that says nothing included
        {"media-blog/web-0", "media-cms/cms-0", kHttp, true},
        {"media-blog/web-0", "media-cms/cms-0", kNobodys, true},
        {"ads-delivery/server-0", "media-cms/cms-0", kHttp, false},
        {"ads-delivery/server-0", "media-blog/web-0", kHttp, true},
        {"ingress/controller-0", "media-cms/cms-0", kHttp, true},
        {"ingress/controller-0", "media-cms/cms-0", kMetrics, false},
        // exposed by the Tenant, which leaves nothing to annotations
        {"media-blog/web-0", "accounts-login/login-0", kHttps, true},
        {"internet", "accounts-login/login-1", kHttps, true},
        {"media-blog/web-0", "accounts-login/login-0", kMetrics, false},
        {"media-blog/web-0", "accounts-data/profile-0", kGrpc, false},
        {"accounts-login/login-0", "accounts-data/profile-0", kGrpc, true},
        // exposed by the pod
        {"media-blog/web-0", "ads-billing/statements-0", kHttp, true},
        {"media-blog/web-0", "ads-billing/statements-0", kMetrics, false},
        {"media-blog/web-0", "ads-billing/ledger-0", kGrpc, false},
        {"ads-delivery/server-0", "ads-billing/ledger-0", kGrpc, true},
        {"monitoring/prometheus-0", "accounts-data/profile-0", kMetrics, true},
        {"monitoring/prometheus-0", "accounts-data/profile-0", kGrpc, false},
        {"accounts-login/login-1", "accounts-aurora", kMysql, true},
        {"ads-billing/ledger-0", "accounts-aurora", kMysql, true},
        {"ads-billing/statements-0", "accounts-aurora", kMysql, false},
        {"ads-delivery/server-0", "ads-redis", kRedis, true},
        {"accounts-login/login-0", "ads-redis", kRedis, false},
        {"monitoring/prometheus-0", "ads-redis", kRedis, false},
    });

    cluster.kubectl({"label", "namespace", "media-editorial", "bulkhead.dev/level-"});
    cluster.kubectl({"patch", "tenant.bulkhead.dev", "accounts", "--type=merge", "-p",
                     R"({"spec": {"expose": [], "podExpose": true}})"});
    cluster.check_matrix({
        {"ads-delivery/server-0", "media-cms/cms-0", kHttp, true},
        {"media-blog/web-0", "accounts-login/login-0", kHttps, false},
        {"media-blog/web-0", "accounts-data/profile-0", kGrpc, true},
        {"media-blog/web-0", "accounts-data/profile-0", kMetrics, false},
    });

    // As HNC does it when a subtree gets another parent.
    cluster.kubectl(
        {"label", "namespace", "ads-billing", "ads.tree.hnc.x-k8s.io/depth-", "media.tree.hnc.x-k8s.io/depth=1"});
    const std::string before = cluster.pod("ads-billing/ledger-0").node;
    const int address = cluster.end("ads-billing/ledger-0");
    cluster.run("ads-delivery/server", before, address);
    cluster.run("ads-billing/ledger", before == kNodeA ? kNodeB : kNodeA);
    cluster.check_matrix({
        {"media-blog/web-0", "ads-billing/ledger-1", kGrpc, true},
        {"ads-delivery/server-1", "ads-billing/ledger-1", kGrpc, false},
        {"ads-billing/ledger-1", "accounts-aurora", kMysql, false},
        {"ads-delivery/server-1", "accounts-aurora", kMysql, false},
        {"ads-billing/ledger-1", "ads-redis", kRedis, false},
        {"ads-delivery/server-1", "ads-redis", kRedis, true},
    });
}

TEST_CASE("the example with Kiosk is as its accounts say, and follows kubectl") {
    ExampleCluster cluster({.directory = "kiosk",
                            .tenant_sources = {"tenant", "kiosk", "namespace"},
                            .resources = {"orders-aurora"},
                            .instance_metadata = true});
    cluster.check_matrix({
        // the walk-through's last step, and its like within an account
        {"search-dev/redis-0", "orders-dev/redis-0", kRedis, false},
        {"orders-ci/runner-0", "orders-dev/redis-0", kRedis, true},
        {"orders-dev/api-0", "orders-ci/runner-0", kNobodys, true},
        {"search-dev/web-0", "orders-dev/api-1", kHttp, true},
        {"search-dev/web-0", "orders-dev/api-1", kMetrics, false},
        {"search-dev/redis-0", "orders-dev/api-1", kHttp, false},
        {"playground/sandbox-0", "search-dev/web-0", kHttp, true},
        {"playground/sandbox-0", "search-dev/web-0", kMetrics, false},
        {"playground/sandbox-0", "orders-dev/api-0", kHttp, false},
        {"orders-dev/api-0", "playground/sandbox-0", kHttp, true},
        {"monitoring/prometheus-0", "orders-dev/api-0", kMetrics, true},
        {"monitoring/prometheus-0", "orders-dev/redis-0", kRedis, false},
        {"orders-ci/runner-0", "orders-aurora", kPostgres, true},
        {"search-dev/web-0", "orders-aurora", kPostgres, false},
        {"orders-dev/api-0", "instance-metadata", kHttp, false},
        {"playground/sandbox-0", "instance-metadata", kHttp, false},
    });

    // What a user can have Kiosk copy onto the namespace; then what only Kiosk writes.
    cluster.kubectl({"label", "namespace", "playground", "bulkhead.dev/tenant=orders"});
    cluster.kubectl({"label", "namespace", "search-dev", "bulkhead.dev/level-"});
    cluster.check_matrix({
        {"playground/sandbox-0", "orders-dev/api-0", kHttp, false},
        {"playground/sandbox-0", "search-dev/redis-0", kRedis, true},
        {"search-dev/web-0", "orders-dev/redis-0", kRedis, false},
    });
    cluster.kubectl({"label", "namespace", "playground", "kiosk.sh/account=orders", "--overwrite"});
    const std::string before = cluster.pod("search-dev/web-0").node;
    const int address = cluster.end("search-dev/web-0");
    cluster.run("search-dev/redis", before, address); // not what the grant is for
    cluster.run("search-dev/web", before == kNodeA ? kNodeB : kNodeA);
    cluster.check_matrix({
        {"playground/sandbox-0", "orders-dev/api-0", kHttp, true},
        {"playground/sandbox-0", "orders-aurora", kPostgres, true},
        {"search-dev/web-1", "orders-dev/api-0", kHttp, true},
        {"search-dev/redis-1", "orders-dev/api-0", kHttp, false},
    });

    // A Tenant that takes namespaces over is another tenant than the account.
    cluster.put(tenant_text("orders", "namespaces: [orders-dev, orders-ci], level: protected, sealed: true"));
    cluster.check_matrix({
        {"orders-ci/runner-0", "orders-dev/redis-0", kRedis, true},
        {"playground/sandbox-0", "orders-dev/api-0", kHttp, false},
        {"orders-ci/runner-0", "orders-aurora", kPostgres, false},
        {"playground/sandbox-0", "orders-aurora", kPostgres, true},
        {"monitoring/prometheus-0", "orders-dev/api-0", kMetrics, false},
        {"search-dev/web-1", "orders-dev/api-0", kHttp, true},
    });
}

} // namespace
} // namespace bulkhead::test
