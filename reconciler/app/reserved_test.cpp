// The names that no account may have on a server.
#include "reconciler/app/reserved.hpp"

#include <catch2/catch.hpp>

namespace genesis {
namespace {

TEST_CASE("a public suffix is nobody's: not as a name and not as a wildcard, which would shut everybody out") {
    ServerReserved const server({});
    for (auto const* suffix : {"co.uk", "com.au", "github.io", "s3.amazonaws.com", "kawasaki.jp", "foo.kawasaki.jp",
                               "xn--55qx5d.cn"}) {  // 公司.cn
        INFO(suffix);
        CHECK(server.domain(suffix) == "is a public suffix, beneath which anybody may have names");
        CHECK(server.domain("*." + std::string(suffix)).has_value());
    }
}

TEST_CASE("names beneath a public suffix, and those of a top-level domain that is not listed, may be had") {
    ServerReserved const server({});
    for (auto const* name : {"acme.co.uk", "*.acme.co.uk", "acme.github.io", "city.kawasaki.jp", "acme.com",
                             "*.acme.com", "acme.test", "*.acme.test", "a.example", "shop.a.example", "acme.internal"})
        CHECK_FALSE(server.domain(name));
}

TEST_CASE("names of this machine and what its operator reserved are refused, with all that a wildcard covers") {
    ServerReserved const server({"panel.test", "*.infra.test"});
    for (auto const* name : {"panel.test", "*.panel.test", "a.infra.test", "*.infra.test", "a.localhost", "1.arpa"})
        CHECK(server.domain(name));
    for (auto const* name : {"apanel.test", "b.panel.test", "panel2.test"}) CHECK_FALSE(server.domain(name));
}

}  // namespace
}  // namespace genesis
