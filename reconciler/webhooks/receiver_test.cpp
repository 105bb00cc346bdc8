// The URLs that a receiver may have, and their parts.
#include "reconciler/webhooks/receiver.hpp"

#include <catch2/catch.hpp>

using namespace genesis;

TEST_CASE("the URL of a receiver is https, or http to this machine, and is parsed as it is sent") {
    auto const fine = [](std::string_view url) { return !refuse(rules::webhook_url, url).has_value(); };
    for (auto const* url : {"https://billing.example/hook", "https://192.0.2.7:8443/", "https://[2001:db8::1]/x?a=b",
                            "http://127.0.0.1:80/", "http://localhost:8080/x", "http://[::1]:1/"})
        CHECK(fine(url));
    for (auto const* url :
         {"http://billing.example/", "http://192.0.2.7/", "http://127.0.0.1.billing.example/",
          "https://user:pw@billing.example/", "https://billing.example", "ftp://localhost/",
          "https://billing.example/#part", "https://billing.example/a b", "http://localhost.example/"})
        CHECK_FALSE(fine(url));
    auto const a = endpoint_of("https://billing.example/hook?x=y:z");
    CHECK(a.tls);
    CHECK((a.host == "billing.example" && a.port == "443" && a.target == "/hook?x=y:z"));
    CHECK(a.authority == "billing.example");
    auto const b = endpoint_of("http://[::1]:8080/");
    CHECK_FALSE(b.tls);
    CHECK((b.host == "::1" && b.port == "8080" && b.target == "/" && b.authority == "[::1]:8080"));
}
