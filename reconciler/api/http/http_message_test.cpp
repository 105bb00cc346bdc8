// Ambiguous heads are refused, and limits hold byte by byte.
#include "reconciler/api/http/http_message.hpp"

#include <catch2/catch.hpp>

namespace genesis {
namespace {

// The status that refuses it, 0 if it is accepted, -1 if it is incomplete.
int judge(std::string const& bytes) {
    HeadScan scan;
    auto const found = scan.look(bytes);
    if (found == HeadScan::more) return -1;
    if (found == HeadScan::too_long) return 431;
    if (found == HeadScan::malformed) return 400;
    Head head;
    auto const refused = read_head(std::string_view(bytes).substr(0, scan.size()), head);
    return refused ? refused->status : 0;
}
int with(std::string const& headers) {
    return judge("PUT /v1/accounts/acme HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
}

TEST_CASE("a head is read once it is complete, however its bytes arrive") {
    std::string const text =
        "PUT /v1/accounts/acme?dry_run=true HTTP/1.1\r\nHost: x\r\nIf-Match: \"7\"\r\n"
        "Content-Length: 2\r\n\r\n{}";
    HeadScan scan;
    std::size_t given = 1;
    while (scan.look(std::string_view(text).substr(0, given)) == HeadScan::more) ++given;
    CHECK(scan.size() == text.size() - 2);
    Head head;
    REQUIRE_FALSE(read_head(std::string_view(text).substr(0, scan.size()), head));
    CHECK(head.request.method == "PUT");
    CHECK(head.request.target == "/v1/accounts/acme?dry_run=true");
    CHECK(head.request.header("if-match") == "\"7\"");
    CHECK(head.length == 2);
    CHECK(head.keep_alive);
    CHECK_FALSE(head.expects_continue);
}

TEST_CASE("a message of two lengths, of a length and chunks, or of chunks is refused") {
    CHECK(with("Content-Length: 2\r\nContent-Length: 2\r\n") == 400);
    CHECK(with("Content-Length: 2\r\nContent-Length: 3\r\n") == 400);
    CHECK(with("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n") >= 400);
    CHECK(with("Transfer-Encoding: chunked\r\n") == 411);
    CHECK(with("Transfer-Encoding: identity\r\n") == 411);
    for (auto const* length : {"-1", "+2", "0x2", "2,2", "2 2", "", "18446744073709551618", "2;"})
        CHECK(with("Content-Length: " + std::string(length) + "\r\n") == 400);
    CHECK(with("Content-Length : 2\r\n") == 400);
    CHECK(with("Content-Length: 1048576\r\n") == 0);
    CHECK(with("Content-Length: 1048577\r\n") == 413);
    CHECK(with("Content-Length: 2147483648\r\n") == 413);
}

TEST_CASE("control characters, folded lines and lines without CR are refused wherever they stand") {
    for (char const c : {'\0', '\x01', '\x0b', '\x1b', '\x7f', '\x80', '\xff'}) {
        std::string const one(1, c);
        CHECK(with("X-A: a" + one + "b\r\n") == 400);
        CHECK(with("X" + one + ": a\r\n") == 400);
        CHECK(judge("GET /v1/in" + one + "fo HTTP/1.1\r\n\r\n") == 400);
        CHECK(judge("G" + one + "T /v1/info HTTP/1.1\r\n\r\n") == 400);
    }
    CHECK(with("X-A: a\r\n b\r\n") == 400);
    CHECK(with("X-A: a\r\n\tb\r\n") == 400);
    CHECK(with("X-A: a\nX-B: b\r\n") == 400);
    CHECK(with("X-A: a\rX-B: b\r\n") == 400);
    CHECK(judge("GET /v1/info HTTP/1.1\n\n") == 400);
    CHECK(judge("\r\nGET /v1/info HTTP/1.1\r\n\r\n") == 400);
    CHECK(judge(" GET /v1/info HTTP/1.1\r\n\r\n") == 400);
    CHECK(with("X-A: a\tb\r\n") == 0);
}

TEST_CASE("a duplicate header is refused, whatever the case of its name") {
    CHECK(with("If-Match: \"1\"\r\nif-match: \"1\"\r\n") == 400);
    CHECK(with("Authorization: a\r\nAUTHORIZATION: b\r\n") == 400);
    CHECK(with("No colon\r\n") == 400);
    CHECK(with(": no name\r\n") == 400);
}

TEST_CASE("only HTTP/1.x request lines are accepted; HTTP/1.0 ends its connection") {
    for (auto const* line :
         {"GET /v1/info", "GET /v1/info HTTP/2.0", "GET  /v1/info HTTP/1.1", "GET /v1/info HTTP/1.1 x",
          "GET /v1/info http/1.1", "GET\t/v1/info\tHTTP/1.1", "/v1/info HTTP/1.1", "nonsense", "G@T / HTTP/1.1"})
        CHECK(judge(std::string(line) + "\r\n\r\n") == 400);
    Head head;
    std::string const old = "GET /v1/info HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    REQUIRE_FALSE(read_head(old, head));
    CHECK_FALSE(head.keep_alive);
}

TEST_CASE("a head of 8192 bytes is accepted, a longer one refused before its end") {
    std::string const start = "GET /v1/info HTTP/1.1\r\nX-Long: ", end = "\r\n\r\n";
    std::string const longest = start + std::string(header_limit - start.size() - end.size(), 'x') + end;
    CHECK(longest.size() == header_limit);
    CHECK(judge(longest) == 0);
    CHECK(judge(start + std::string(header_limit - start.size() - end.size() + 1, 'x') + end) == 431);
    CHECK(judge(start + std::string(header_limit, 'x')) == 431);
    CHECK(judge(start + std::string(100, 'x')) == -1);
}

TEST_CASE("expecting anything but 100-continue is refused") {
    CHECK(with("Content-Length: 2\r\nExpect: 100-continue\r\n") == 0);
    CHECK(with("Content-Length: 2\r\nExpect: miracles\r\n") == 417);
}

TEST_CASE("an answer has its request id, its length and no header twice") {
    Request request{"GET", "/v1/info", {}, "", "0123456789abcdef"};
    DispatchResult result;
    result.answer.body = {{"a", 1}};
    result.answer.generation = 7;
    auto const text = write_answer(result, request, true);
    CHECK(text.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(text.find("X-Request-Id: 0123456789abcdef\r\n") != std::string::npos);
    CHECK(text.find("ETag: \"7\"\r\n") != std::string::npos);
    CHECK(text.find("Content-Length: 8\r\n") != std::string::npos);
    CHECK(text.find("Connection") == std::string::npos);
    CHECK(text.ends_with("\r\n\r\n{\"a\":1}\n"));
    request.method = "HEAD";
    CHECK(write_answer(result, request, false).ends_with("Content-Length: 0\r\n\r\n"));
    CHECK(write_answer(result, request, false).find("Connection: close\r\n") != std::string::npos);
}

}  // namespace
}  // namespace genesis
