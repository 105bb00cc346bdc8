// The metrics as Prometheus reads them: the text is parsed strictly.
#include "reconciler/telemetry/metrics.hpp"

#include <catch2/catch.hpp>

#include <regex>
#include <set>
#include <sstream>

using namespace genesis;
using namespace std::chrono_literals;

namespace {

// Text format 0.0.4: HELP and TYPE before the samples of a family, families together, no sample twice. Fills sample →
// value, and returns the first error; empty if there is none.
std::string read(std::string const& text, std::map<std::string, double>& out) {
    static std::regex const help(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) [^\n]+)"),
        type(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))"),
        sample(
            R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\})? ([0-9.e+-]+|\+Inf|-Inf|NaN)( -?[0-9]+)?)re");
    if (!text.ends_with('\n')) return "the last line has no end";
    std::set<std::string> families;
    std::string family, kind;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::smatch m;
        if (std::regex_match(line, m, help)) {
            if (!families.insert(m[1]).second) return "family twice: " + line;
            family = m[1];
            kind.clear();
        } else if (std::regex_match(line, m, type)) {
            if (m[1] != family || !kind.empty()) return "TYPE without its HELP: " + line;
            kind = m[2];
        } else if (std::regex_match(line, m, sample)) {
            std::string const name = m[1];
            bool const part = kind == "histogram" &&
                              (name == family + "_bucket" || name == family + "_sum" || name == family + "_count");
            if (kind.empty() || (name != family && !part)) return "a sample outside of its family: " + line;
            if (!out.emplace(m[1].str() + m[2].str(), std::stod(m[3])).second) return "sample twice: " + line;
        } else {
            return "no line of the format: " + line;
        }
    }
    return {};
}

std::map<std::string, double> samples(Metrics const& metrics) {
    std::map<std::string, double> out;
    auto const wrong = read(metrics.text(), out);
    INFO(wrong);
    CHECK(wrong.empty());
    return out;
}

}  // namespace

TEST_CASE("the text of the metrics is valid for Prometheus, before anything is counted and after") {
    Metrics metrics;
    CHECK_FALSE(samples(metrics).empty());
    metrics.request("GET", "/v1/{kind}", 200, 2ms);
    metrics.request("GET", "/v1/{kind}", 200, 2ms);
    metrics.request("none", "none", 404, 1ms);
    metrics.refused("unauthenticated");
    metrics.connections(1);
    metrics.cached(true);
    metrics.cached(false);
    metrics.commit(3ms, 7);
    metrics.pass(true, 200ms);
    metrics.step("site", "create", "done");
    metrics.driver_commit("apache", false);
    metrics.delivery("billing", true);
    metrics.delivery("billing", false);
    metrics.skipped("billing", 12);
    auto const now = samples(metrics);
    auto const value = [&](std::string const& name) {
        INFO(name);
        REQUIRE(now.contains(name));
        return now.at(name);
    };
    CHECK(value(R"(genesis_http_requests_total{method="GET",route="/v1/{kind}",status="200"})") == 2);
    CHECK(value(R"(genesis_http_requests_total{method="none",route="none",status="404"})") == 1);
    CHECK(value(R"(genesis_http_request_seconds_count{method="GET"})") == 2);
    CHECK(value(R"(genesis_http_request_seconds_bucket{method="GET",le="0.001"})") == 0);
    CHECK(value(R"(genesis_http_request_seconds_bucket{method="GET",le="+Inf"})") == 2);
    CHECK(value(R"(genesis_auth_refusals_total{code="unauthenticated"})") == 1);
    CHECK(value("genesis_http_connections") == 1);
    CHECK(value(R"(genesis_cached_lists_total{outcome="found"})") == 1);
    CHECK(value("genesis_store_commit_jobs_sum") == 7);
    CHECK(value(R"(genesis_pass_seconds_count{scope="full"})") == 1);
    CHECK(value(R"(genesis_steps_total{kind="site",outcome="done",verb="create"})") == 1);
    CHECK(value(R"(genesis_driver_commits_total{driver="apache",outcome="failed"})") == 1);
    CHECK(value(R"(genesis_webhook_deliveries_total{outcome="answered",receiver="billing"})") == 1);
    CHECK(value(R"(genesis_webhook_skipped_total{receiver="billing"})") == 12);
    CHECK(value("genesis_seconds_since_full_pass") >= 0);
    CHECK(value("process_resident_memory_bytes") > 1e6);
    CHECK(value("process_open_fds") >= 3);
}

TEST_CASE("a source is called for each scrape, and values it no longer sets are gone") {
    Metrics metrics;
    int asked = 0;
    metrics.add_source([&](Gauges& out) {
        if (++asked == 1) out.set("genesis_objects", "Objects.", 3, {{"kind", "a\"b\\c\nd"}});
    });
    CHECK(samples(metrics).at("genesis_objects{kind=\"a\\\"b\\\\c\\nd\"}") == 3);
    CHECK_FALSE(metrics.text().find("genesis_objects") != std::string::npos);
    CHECK(asked == 2);
}
