// One POST after another to a real receiver: each gets its own answer, in its time.
#include "reconciler/webhooks/post.hpp"

#include "drivers/context.hpp"
#include "reconciler/webhooks/receiver_fixture.hpp"

#include <catch2/catch.hpp>

using namespace genesis;
using namespace genesis::test;
using namespace std::chrono_literals;

namespace {

Endpoint endpoint(TestReceiver const& to) { return endpoint_of("http://" + to.authority() + "/hook"); }

// Says for each body what was written down for it.
TestReceiver::Answer by_body(std::map<std::string, std::string> answers) {
    return [answers = std::move(answers)](Delivery const& d) { return std::optional(answers.at(d.body)); };
}

std::string const go_on = "HTTP/1.1 100 Continue\r\n\r\n";
std::string const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

}  // namespace

TEST_CASE("an interim answer is not the answer: each post gets its own, on one connection") {
    TestReceiver receiver(by_body({{"one", hints + go_on + TestReceiver::status(200)},
                                   {"two", go_on + TestReceiver::status(500)},
                                   {"three", TestReceiver::status(204)}}));
    Poster poster(endpoint(receiver), "", {});
    CHECK(poster.post({}, "one") == 200);
    CHECK(poster.post({}, "two") == 500);
    CHECK(poster.post({}, "three") == 204);
    CHECK(receiver.connections() == 1);
}

TEST_CASE("interim answers without end, or without an answer in time after them, are no answer") {
    std::string many;
    for (int i = 0; i < 1000; ++i) many += go_on;
    TestReceiver receiver(by_body({{"many", many + TestReceiver::status(200)}, {"only", go_on}}));
    PostPatience patience;
    patience.answer = 50ms;
    Poster hasty(endpoint(receiver), "", patience);
    CHECK_THROWS_AS(hasty.post({}, "only"), Expired);
    Poster poster(endpoint(receiver), "", {});
    CHECK_THROWS_AS(poster.post({}, "many"), Fault);
}

TEST_CASE("a receiver that switches protocols has failed, and what it says then is no answer to the next post") {
    TestReceiver receiver(
        by_body({{"one", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"},
                 {"two", TestReceiver::status(500)}}));
    Poster poster(endpoint(receiver), "", {});
    CHECK(poster.post({}, "one") == 101);
    CHECK(poster.post({}, "two") == 500);
    CHECK(receiver.connections() == 2);
}

TEST_CASE("what comes after an answer is not the answer to the next post") {
    TestReceiver receiver(
        by_body({{"one", TestReceiver::status(200) + TestReceiver::status(200)}, {"two", TestReceiver::status(500)}}));
    Poster poster(endpoint(receiver), "", {});
    CHECK(poster.post({}, "one") == 200);
    CHECK(poster.post({}, "two") == 500);
    CHECK(receiver.connections() == 2);
}
