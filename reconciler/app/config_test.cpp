// genesis.yaml: drivers' settings stand under their names, and what 0.1.0 called otherwise is read still.
#include "reconciler/app/config.hpp"

#include <catch2/catch.hpp>

using namespace genesis;

namespace {

std::string problem(std::string const& yaml) {
    auto const read = read_config(yaml);
    return read ? std::string() : read.error().problems.front().path;
}

}  // namespace

TEST_CASE("a driver's settings stand in the configuration under its name, and are read as strictly") {
    auto const config = read_config("{mariadb: {socket: /run/other.sock}, tls: {lifetime_days: 90}, apache: {}}");
    REQUIRE(config.has_value());
    CHECK(config->mariadb.socket.str() == "/run/other.sock");
    CHECK(config->mariadb.user == "root");
    CHECK(config->tls.lifetime_days == 90);
    CHECK(problem("mariadb: {sockets: /run/other.sock}") == "/mariadb/sockets");
    CHECK(problem("apache: {reload_seconds: 0}") == "/apache/reload_seconds");
}

TEST_CASE("keys of 0.1.0 that moved under a driver's name are read still, but not at both places") {
    auto const config = read_config("mariadb_socket: /run/other.sock\napache: {}\n");
    REQUIRE(config.has_value());
    CHECK(config->mariadb.socket.str() == "/run/other.sock");
    CHECK(problem("{mariadb_socket: /run/a.sock, mariadb: {socket: /run/b.sock}}") == "/mariadb_socket");
    CHECK(problem("mariadb_socket: nowhere") == "/mariadb/socket");
}

TEST_CASE("Apache's port of before, which any user could take, may stand in a configuration and means nothing") {
    CHECK(read_config("apache_canary_port: 7082\n").has_value());
    CHECK(read_config("apache: {canary_port: 7081, reload_seconds: 30}\n")->apache.reload_seconds == 30);
}

TEST_CASE("the printed configuration reads back as the defaults, with the keys of drivers beneath their names") {
    auto const printed = print_config();
    auto const config = read_config(printed);
    REQUIRE(config.has_value());
    CHECK(encode(*config) == encode(Config{}));
    CHECK(printed.find("\nmariadb:\n  # Where it listens.\n  socket: ") != std::string::npos);
}
