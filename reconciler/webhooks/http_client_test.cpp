// One POST after another to a real receiver: each gets its own answer, in its time.
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

// Says for each body what was written down for it.
TestReceiver::Answer by_body(std::map<std::string, std::string> answers) {
    return [answers = std::move(answers)](Delivery const& d) { return std::optional(answers.at(d.body)); };
}

std::string const go_on = "HTTP/1.1 100 Continue\r\n\r\n";
std::string const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

// A lookup that finds its address when it is told to, or after half a minute that no test should take.
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
            ++state->asked;
            state->changed.notify_all();
            state->changed.wait_for(lock, 30s, [&] { return state->answering; });
            ++state->answered;
            return Addresses{state->address};
        };
    }
    void wait_until_asked() {
        std::unique_lock lock(state_->mutex);
        state_->changed.wait_for(lock, 30s, [&] { return state_->asked > 0; });
    }
    void answer() {
        std::lock_guard const lock(state_->mutex);
        state_->answering = true;
        state_->changed.notify_all();
    }
    int asked() { return count(state_->asked); }
    int answered() { return count(state_->answered); }

private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        boost::asio::ip::tcp::endpoint address;
        bool answering = false;
        int asked = 0, answered = 0;
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

// Takes no connection and refuses none, as behind a router that drops packets: its queue is full (listen(2), tcp(7)).
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

TEST_CASE("an interim answer is not the answer: each post gets its own, on one connection") {
    TestReceiver receiver(by_body({{"one", hints + go_on + TestReceiver::status(200)},
                                   {"two", go_on + TestReceiver::status(500)},
                                   {"three", TestReceiver::status(204)}}));
    HttpClient client(endpoint(receiver), "", {});
    CHECK(client.post({}, "one") == 200);
    CHECK(client.post({}, "two") == 500);
    CHECK(client.post({}, "three") == 204);
    CHECK(receiver.connections() == 1);
}

TEST_CASE("interim answers without end, or without an answer in time after them, are no answer") {
    std::string many;
    for (int i = 0; i < 1000; ++i) many += go_on;
    TestReceiver receiver(by_body({{"many", many + TestReceiver::status(200)}, {"only", go_on}}));
    HttpTimeouts patience;
    patience.answer = 50ms;
    HttpClient hasty(endpoint(receiver), "", patience);
    CHECK_THROWS_AS(hasty.post({}, "only"), Expired);
    HttpClient client(endpoint(receiver), "", {});
    CHECK_THROWS_AS(client.post({}, "many"), Fault);
}

TEST_CASE("a receiver that switches protocols has failed, and what it says then is no answer to the next post") {
    TestReceiver receiver(
        by_body({{"one", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"},
                 {"two", TestReceiver::status(500)}}));
    HttpClient client(endpoint(receiver), "", {});
    CHECK(client.post({}, "one") == 101);
    CHECK(client.post({}, "two") == 500);
    CHECK(receiver.connections() == 2);
}

TEST_CASE("what comes after an answer is not the answer to the next post") {
    TestReceiver receiver(
        by_body({{"one", TestReceiver::status(200) + TestReceiver::status(200)}, {"two", TestReceiver::status(500)}}));
    HttpClient client(endpoint(receiver), "", {});
    CHECK(client.post({}, "one") == 200);
    CHECK(client.post({}, "two") == 500);
    CHECK(receiver.connections() == 2);
}

TEST_CASE("a lookup that takes too long is not waited for, and not begun again; what it finds late is used") {
    TestReceiver receiver;
    SlowLookup dns(loopback(receiver.port()));
    HttpTimeouts patience;
    patience.resolve = 10ms;
    HttpClient client(endpoint_of("http://localhost:1/"), "", patience, dns.lookup());
    for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(client.post({}, "early"), Expired);
    dns.wait_until_asked();
    CHECK(dns.asked() == 1);
    CHECK(dns.answered() == 0);
    dns.answer();
    int status = 0;
    for (int i = 0; i < 3000 && status == 0; ++i) try {
            status = client.post({}, "late");
        } catch (Expired const&) {  // a loaded machine
        }
    CHECK(status == 200);
    CHECK(dns.asked() == 1);
}

TEST_CASE("a client that is stopped while its receiver is looked up ends at once, and may go before the lookup") {
    SlowLookup dns(loopback(1));
    HttpTimeouts patience;
    patience.resolve = 60s;
    {
        HttpClient client(endpoint_of("http://localhost:1/"), "", patience, dns.lookup());
        auto posting = std::async(std::launch::async, [&] { return client.post({}, "never"); });
        dns.wait_until_asked();
        client.stop();
        CHECK_THROWS_AS(posting.get(), Expired);
    }
    CHECK(dns.answered() == 0);
}

TEST_CASE("a host that cannot be looked up is said so, and looked up anew for the next post") {
    TestReceiver receiver;
    auto const asked = std::make_shared<std::atomic<int>>(0);
    HttpClient client(endpoint_of("http://localhost:1/"), "", {},
                      [asked, to = loopback(receiver.port())](std::string const& host, std::string const& port) {
                          if (host != "localhost" || port != "1") throw Fault("of whom?");
                          switch (++*asked) {
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

TEST_CASE("the system looks up what is in its hosts file, and takes an address for itself") {
    auto const found = system_lookup("localhost", "80");
    REQUIRE_FALSE(found.empty());
    CHECK(found.front().address().is_loopback());
    CHECK(found.front().port() == 80);
    CHECK(system_lookup("192.0.2.7", "443") == Addresses{{boost::asio::ip::make_address("192.0.2.7"), 443}});
}

TEST_CASE("an address that takes no connection leaves time for the next one") {
    TestReceiver receiver;
    BlackHole const first, second;
    HttpTimeouts patience;
    patience.connect = 300ms;
    HttpClient client(endpoint_of("http://localhost:1/"), "", patience,
                      always({first.address(), second.address(), loopback(receiver.port())}));
    int status = 0;
    for (int i = 0; i < 50 && status == 0; ++i) try {
            status = client.post({}, "x");
        } catch (Expired const&) {  // a loaded machine
        }
    CHECK(status == 200);
}

TEST_CASE("a receiver none of whose addresses takes a connection is given up in time, however many it has") {
    BlackHole const hole;
    HttpTimeouts patience;
    patience.connect = 50ms;
    HttpClient client(endpoint_of("http://localhost:1/"), "", patience, always(Addresses(1000, hole.address())));
    CHECK_THROWS_AS(client.post({}, "x"), Expired);
}
