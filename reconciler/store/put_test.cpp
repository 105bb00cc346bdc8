// A put is made outside of the lock: what changes meanwhile is seen, and what returns at once completes.
#include "reconciler/store/admission.hpp"
#include "reconciler/store/free_numbers.hpp"
#include "reconciler/store/store_fixture.hpp"

#include <catch2/catch.hpp>

#include <future>

namespace genesis {
namespace {

Ref const acme{"account", "acme"};

TEST_CASE("a put whose object changed while it was made is made again from what is there then") {
    StoreFixture f;
    put(f.store(), account("acme")).value();
    auto request = request_of(account("acme", R"("contact": "late@acme.example")"));
    std::vector<std::int64_t> seen;
    auto const spec = request.spec;
    request.spec = [&](Object const* former, PutRequest::Find const& find) {
        seen.push_back(former->generation);
        if (seen.size() == 1) put(f.store(), account("acme", R"("contact": "early@acme.example")")).value();
        return spec(former, find);
    };
    CHECK(f.store().put(request).value().generation == 3);
    CHECK(seen == std::vector<std::int64_t>{1, 2});
    CHECK(f.store().find(acme)->spec.at("contact") == "late@acme.example");
    CHECK(f.store().audit(0, 1).front().changes.at(0).at("from") == "early@acme.example");
}

TEST_CASE("a put that looked at an object which went meanwhile looks again") {
    StoreFixture f;
    Ref const package{"package", "starter"};
    put(f.store(), spec_of(R"({"kind": "package", "name": "starter"})")).value();
    auto request = request_of(account("acme"));
    int calls = 0;
    auto const spec = request.spec;
    request.spec = [&](Object const* former, PutRequest::Find const& find) -> Stored<json::object> {
        auto const found = find(package);
        if (++calls == 1) f.store().remove(package, std::nullopt, "api").value();
        if (!found || found->terminating) return StoreRefusal{"invalid", "there is no package", {}};
        return spec(former, find);
    };
    CHECK(f.store().put(request).error().code == "invalid");
    CHECK(calls == 2);
    CHECK_FALSE(f.store().find(acme));
}

TEST_CASE("a put whose object was taken over meanwhile is refused") {
    StoreFixture f;
    put(f.store(), account("acme")).value();
    auto request = request_of(account("acme", R"("contact": "late@acme.example")"));
    auto const spec = request.spec;
    bool first = true;
    request.spec = [&](Object const* former, PutRequest::Find const& find) {
        if (std::exchange(first, false)) f.store().set_source(acme, "file:acme.yaml").value();
        return spec(former, find);
    };
    CHECK(f.store().put(request).error().code == "owned_by");
}

// Somebody else's put comes between the first look and the commit.
struct Interrupted final : Reserved {
    [[nodiscard]] std::optional<std::string> user_name(std::string const&) const override {
        if (std::exchange(first, false)) meanwhile();
        return std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> domain(std::string const&) const override { return std::nullopt; }
    [[nodiscard]] std::vector<std::string> php_versions() const override { return {"8.1", "8.2"}; }
    mutable bool first = true;
    std::function<void()> meanwhile;
};

TEST_CASE("a password that was made up for a put that came too late is not the one that is shown") {
    StoreFixture f;
    Interrupted reserved;
    Admission const admission{f.store(), reserved};
    auto const spec = [](std::string const& contact) {
        return account(
            "acme", R"("contact": ")" + contact + R"(", "databases": [{"name": "shop", "users": [{"name": "web"}]}])");
    };
    reserved.meanwhile = [&] { admit(admission, spec("early@acme.example"), {}).value(); };
    CHECK(admit(admission, spec("late@acme.example"), {}).value().generation == 2);
    auto const shown = f.store().take_credentials(acme).value();
    REQUIRE(shown.size() == 1);
    auto const stored = f.store().find(acme)->spec.at("databases").at(0).at("users").at(0).at("password");
    CHECK(shown.begin()->second.reveal() == std::string_view(stored.as_string()));
}

TEST_CASE("a put that returns at once completes once its result can be read") {
    StoreFixture f;
    std::promise<std::int64_t> completion;
    f.store().put(request_of(account("acme")), [&](std::exception_ptr const& failure, Stored<Written> const& written) {
        completion.set_value(failure ? -1 : written.value().generation);
    });
    CHECK(completion.get_future().get() == 1);
    CHECK(f.store().find(acme));
}

TEST_CASE("two puts of one object at once both count, and the later one has seen the earlier one") {
    StoreFixture f;
    put(f.store(), account("acme")).value();
    std::promise<void> both;
    std::atomic<int> left = 2;
    std::array<std::int64_t, 2> generations{};
    for (std::size_t i = 0; i < 2; ++i)
        f.store().put(request_of(account("acme", R"("contact": "u)" + std::to_string(i) + R"(@acme.example")")),
                      [&, i](std::exception_ptr const&, Stored<Written> const& written) {
                          generations.at(i) = written.value().generation;
                          if (--left == 0) both.set_value();
                      });
    both.get_future().get();
    CHECK(generations == std::array<std::int64_t, 2>{2, 3});
    CHECK(f.store().find(acme)->spec.at("contact") == "u1@acme.example");
}

TEST_CASE("a nonce that is consumed completes, and a second time as consumed before") {
    StoreFixture f;
    auto const consume = [&] {
        Actor by;
        by.nonce = Nonce{"billing", 1'800'000'000, "AAAAAAAAAAAAAAAAAAAAAA"};
        std::promise<bool> completion;
        f.store().consume(by, [&](std::exception_ptr const&, bool fresh) { completion.set_value(fresh); });
        return completion.get_future().get();
    };
    CHECK(consume());
    CHECK_FALSE(consume());
}

struct SlowClock final : Clock {
    [[nodiscard]] Time now() const override { return {}; }
    [[nodiscard]] Steady steady() const override { return at; }
    Steady at{};
};

TEST_CASE("a number that was found free is not asked about again for a few seconds") {
    SlowClock clock;
    std::vector<std::int64_t> asked;
    FreeNumbers numbers([&](std::int64_t n) { return asked.push_back(n), n != 20001; }, clock);
    numbers.expect(20000);
    numbers.expect(20000);
    CHECK(asked == std::vector<std::int64_t>{20000, 20001});
    CHECK(numbers.is_free(20000));
    CHECK(asked.size() == 2);
    CHECK_FALSE(numbers.is_free(20001));
    clock.at += std::chrono::seconds(6);
    CHECK(numbers.is_free(20000));
    CHECK(asked == std::vector<std::int64_t>{20000, 20001, 20001, 20000});
}

TEST_CASE("a number that useradd gives after a dry run has found it free is not given again") {
    SlowClock clock;
    std::int64_t taken = 0;
    FreeNumbers numbers([&](std::int64_t n) { return n != taken; }, clock);
    numbers.expect(20000);
    CHECK(numbers.is_free(20000));
    taken = 20000;
    clock.at += std::chrono::milliseconds(200);
    numbers.expect(20000);
    CHECK_FALSE(numbers.is_free(20000));
    CHECK(numbers.is_free(20001));
}

}  // namespace
}  // namespace genesis
