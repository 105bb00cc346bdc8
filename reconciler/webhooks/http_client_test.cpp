// POSTs to a real receiver: each gets its own answer before its deadline.
#include "reconciler/webhooks/http_client.hpp"

#include "drivers/context.hpp"
#include "reconciler/webhooks/receiver_fixture.hpp"

#include <catch2/catch.hpp>

#include <future>

using namespace genesis;
using namespace genesis::test;
using namespace std::chrono_literals;

namespace {

Endpoint endpoint(TestReceiver const& to) { return endpoint_of("http://" + to.authority() + "/hook"); }

// Answers each body with its text in the map.
TestReceiver::Answer by_body(std::map<std::string, std::string> answers) {
    return [answers = std::move(answers)](Delivery const& d) { return std::optional(answers.at(d.body)); };
}

std::string const go_on = "HTTP/1.1 100 Continue\r\n\r\n";
std::string const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

// A lookup that returns when the test says so, or after half a minute.
class SlowLookup {
public:
    explicit SlowLookup(boost::asio::ip::tcp::endpoint const& address) : state_(std::make_shared<State>()) {
        state_->address = address;
    }
    ~SlowLookup() { answer(); }
    SlowLookup(SlowLookup const&) = delete;
    SlowLookup& operator=(SlowLookup const&) = delete;

    [[nodiscard]] Lookup lookup() const {
        return [state = state_](std::string const&, std::string const&) {
            std::unique_lock lock(state->mutex);
            ++state->calls;
            state->changed.notify_all();
            state->changed.wait_for(lock, 30s, [&] { return state->answering; });
            ++state->answered;
            return Addresses{state->address};
        };
    }
    void wait_until_called() {
        std::unique_lock lock(state_->mutex);
        state_->changed.wait_for(lock, 30s, [&] { return state_->calls > 0; });
    }
    void answer() {
        std::lock_guard const lock(state_->mutex);
        state_->answering = true;
        state_->changed.notify_all();
    }
    int calls() { return count(state_->calls); }
    int answered() { return count(state_->answered); }

private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        boost::asio::ip::tcp::endpoint address;
        bool answering = false;
        int calls = 0, answered = 0;
    };
    int count(int const& number) {
        std::lock_guard const lock(state_->mutex);
        return number;
    }
    std::shared_ptr<State> state_;
};

boost::asio::ip::tcp::endpoint loopback(unsigned port) {
    return {boost::asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(port)};
}

// Neither accepts nor refuses connections, like a router that drops packets: its queue is full (listen(2), tcp(7)).
class BlackHole {
public:
    BlackHole() {
        acceptor_.open(boost::asio::ip::tcp::v4());
        acceptor_.bind(loopback(0));
        acceptor_.listen(0);
        filler_.connect(address());
    }
    [[nodiscard]] boost::asio::ip::tcp::endpoint address() const { return acceptor_.local_endpoint(); }

private:
    boost::asio::io_context io_;
    boost::asio::ip::tcp::acceptor acceptor_{io_};
    boost::asio::ip::tcp::socket filler_{io_};
};

Lookup always(Addresses const& found) {
    return [found](std::string const&, std::string const&) { return found; };
}

}  // namespace

TEST_CASE("an interim response is not the answer: each post gets its own, on one connection") {
    TestReceiver receiver(by_body({{"one", hints + go_on + TestReceiver::status(200)},
                                   {"two", go_on + TestReceiver::status(500)},
                                   {"three", TestReceiver::status(204)}}));
    HttpClient client(endpoint(receiver), "", {});
    CHECK(client.post({}, "one") == 200);
    CHECK(client.post({}, "two") == 500);
    CHECK(client.post({}, "three") == 204);
    CHECK(receiver.connections() == 1);
}

TEST_CASE("endless interim responses, or none in time after them, are a failure") {
    std::string many;
    for (int i = 0; i < 1000; ++i) many += go_on;
    TestReceiver receiver(by_body({{"many", many + TestReceiver::status(200)}, {"only", go_on}}));
    HttpTimeouts timeouts;
    timeouts.answer = 50ms;
    HttpClient hasty(endpoint(receiver), "", timeouts);
    CHECK_THROWS_AS(hasty.post({}, "only"), Expired);
    HttpClient client(endpoint(receiver), "", {});
    CHECK_THROWS_AS(client.post({}, "many"), Fault);
}

TEST_CASE("a receiver that switches protocols has failed, and nothing it sends then is an answer to the next post") {
    TestReceiver receiver(
        by_body({{"one", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"},
                 {"two", TestReceiver::status(500)}}));
    HttpClient client(endpoint(receiver), "", {});
    CHECK(client.post({}, "one") == 101);
    CHECK(client.post({}, "two") == 500);
    CHECK(receiver.connections() == 2);
}

TEST_CASE("bytes after an answer are not the answer to the next post") {
    TestReceiver receiver(
        by_body({{"one", TestReceiver::status(200) + TestReceiver::status(200)}, {"two", TestReceiver::status(500)}}));
    HttpClient client(endpoint(receiver), "", {});
    CHECK(client.post({}, "one") == 200);
    CHECK(client.post({}, "two") == 500);
    CHECK(receiver.connections() == 2);
}

TEST_CASE("an answer that arrives between two posts is not the answer to the second one") {
    TestReceiver receiver(by_body({{"one", TestReceiver::status(200)}, {"two", TestReceiver::status(202)}}));
    HttpClient client(endpoint(receiver), "", {});
    CHECK(client.post({}, "one") == 200);
    receiver.send_unrequested(TestReceiver::status(500));
    CHECK(client.post({}, "two") == 202);
    CHECK(receiver.connections() == 2);
}

TEST_CASE("a lookup that times out is not started again, and its late result is used") {
    TestReceiver receiver;
    SlowLookup dns(loopback(receiver.port()));
    HttpTimeouts timeouts;
    timeouts.resolve = 10ms;
    HttpClient client(endpoint_of("http://localhost:1/"), "", timeouts, dns.lookup());
    for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(client.post({}, "early"), Expired);
    dns.wait_until_called();
    CHECK(dns.calls() == 1);
    CHECK(dns.answered() == 0);
    dns.answer();
    int status = 0;
    for (int i = 0; i < 3000 && status == 0; ++i) try {
            status = client.post({}, "late");
        } catch (Expired const&) {  // a loaded machine
        }
    CHECK(status == 200);
    CHECK(dns.calls() == 1);
}

TEST_CASE("a client that is stopped during a lookup ends at once and may be destroyed before the lookup ends") {
    SlowLookup dns(loopback(1));
    HttpTimeouts timeouts;
    timeouts.resolve = 60s;
    {
        HttpClient client(endpoint_of("http://localhost:1/"), "", timeouts, dns.lookup());
        auto posting = std::async(std::launch::async, [&] { return client.post({}, "never"); });
        dns.wait_until_called();
        client.stop();
        CHECK_THROWS_AS(posting.get(), Expired);
    }
    CHECK(dns.answered() == 0);
}

TEST_CASE("a failed lookup is reported, and repeated for the next post") {
    TestReceiver receiver;
    auto const calls = std::make_shared<std::atomic<int>>(0);
    HttpClient client(endpoint_of("http://localhost:1/"), "", {},
                      [calls, to = loopback(receiver.port())](std::string const& host, std::string const& port) {
                          if (host != "localhost" || port != "1") throw Fault("of whom?");
                          switch (++*calls) {
                              case 1:
                                  throw Fault("no such name");
                              case 2:
                                  return Addresses{};
                              case 3:
                                  return Addresses{{boost::asio::ip::make_address("192.0.2.1"), 80}};
                              default:
                                  return Addresses{to};
                          }
                      });
    CHECK_THROWS_WITH(client.post({}, "x"), "localhost cannot be resolved: no such name");
    CHECK_THROWS_WITH(client.post({}, "x"), "localhost cannot be resolved: it has no address");
    CHECK_THROWS_WITH(client.post({}, "x"), "http is for loopback addresses only");
    CHECK(client.post({}, "x") == 200);
}

TEST_CASE("the system lookup resolves names of the hosts file and addresses") {
    auto const found = system_lookup("localhost", "80");
    REQUIRE_FALSE(found.empty());
    CHECK(found.front().address().is_loopback());
    CHECK(found.front().port() == 80);
    CHECK(system_lookup("192.0.2.7", "443") == Addresses{{boost::asio::ip::make_address("192.0.2.7"), 443}});
}

TEST_CASE("an address that does not accept leaves time for the next one") {
    TestReceiver receiver;
    BlackHole const first, second;
    HttpTimeouts timeouts;
    timeouts.connect = 300ms;
    HttpClient client(endpoint_of("http://localhost:1/"), "", timeouts,
                      always({first.address(), second.address(), loopback(receiver.port())}));
    int status = 0;
    for (int i = 0; i < 50 && status == 0; ++i) try {
            status = client.post({}, "x");
        } catch (Expired const&) {  // a loaded machine
        }
    CHECK(status == 200);
}

TEST_CASE("a post fails in time if no address of the receiver accepts, however many there are") {
    BlackHole const hole;
    HttpTimeouts timeouts;
    timeouts.connect = 50ms;
    HttpClient client(endpoint_of("http://localhost:1/"), "", timeouts, always(Addresses(1000, hole.address())));
    CHECK_THROWS_AS(client.post({}, "x"), Expired);
}
