// One thread a connection.
#include "tests/clients/load/puts.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <thread>

namespace genesis::load {
namespace {

std::int64_t integer_at(json::object const& from, std::string_view name) {
    auto const* value = from.if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : -1;
}

// What a GET shows of an object.
struct Seen {
    int status = 0;
    std::int64_t generation = 0, observed = 0;
    bool ready = false;  // for `observed`
    json::value spec;
};

Seen seen_in(Reply const& reply) {
    Seen out;
    out.status = reply.status;
    if (reply.status != 200) return out;
    auto const body = json::parse(reply.body).as_object();
    auto const& status = body.at("status").as_object();
    out.generation = integer_at(body, "generation");
    out.observed = integer_at(status, "observed_generation");
    for (auto const& c : status.at("conditions").as_array()) {
        auto const& condition = c.as_object();
        out.observed = std::max(out.observed, integer_at(condition, "observed_generation"));
        if (condition.at("type") == "ready") out.ready = condition.at("status") == "true";
    }
    out.spec = body.at("spec");
    return out;
}

class Connection {
public:
    Connection(Caller::Who const& who, std::vector<Told*> own, Notes& notes, unsigned seed)
        : caller_(who), own_(std::move(own)), notes_(notes), random_(seed) {}

    // Whether each of its objects was changed once.
    [[nodiscard]] bool round() const { return steps_ >= own_.size(); }

    // One change of one object, however often it must be sent: of each in turn, then of any.
    void step() {
        auto& object = *own_[round() ? random_() % own_.size() : steps_];
        ++steps_;
        if (random_() % 8 == 0) look(object, object.change);
        auto const change = object.change + 1;
        while (!put(object, change)) after_loss(object, change);
    }

    // Exchange until there is an answer: what is stored is what was answered or, when something was sent since, that.
    bool look(Told& object, std::int64_t sent) {
        auto const seen = seen_in(answered("GET", object.target()));
        auto const was = object.change;
        if (is(object, seen, object.generation, was)) return true;
        if (sent != was && is(object, seen, object.generation + 1, sent)) {
            object = {object.from, object.name, object.generation + 1, sent};
            notes_.count("stored_unanswered");
            return true;
        }
        notes_.wrong(object.target() + " was told to be change " + std::to_string(was) + ", generation " +
                     std::to_string(object.generation) + "; now " + std::to_string(seen.status) + ", generation " +
                     std::to_string(seen.generation) + ", " + json::serialize(seen.spec));
        return false;
    }

    Reply answered(std::string const& method, std::string const& target) {
        for (;;) try {
                auto out = caller_.ask(method, target);
                if (out.status != 503 && out.status != 429) return out;
                notes_.count("asked_to_wait");
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
            } catch (Broken const&) {
                caller_.reconnect();
            }
    }

private:
    // Nothing may be acknowledged, or even seen, that is not stored.
    bool is(Told const& object, Seen const& seen, std::int64_t generation, std::int64_t change) {
        if (generation == 0) return seen.status == 404;
        if (seen.status != 200 || seen.generation != generation) return false;
        if (seen.observed > seen.generation) {
            notes_.wrong(object.target() + " is observed at " + std::to_string(seen.observed) + ", stored at " +
                         std::to_string(seen.generation));
        }
        if (seen.ready && seen.observed == seen.generation) notes_.count("seen_ready");
        return contains(seen.spec, json::parse(object.spec(change)));
    }

    // False when there was no answer that says whether it was stored.
    bool put(Told& object, std::int64_t change) {
        auto const request = caller_.sign("PUT", object.target(), object.spec(change));
        Reply reply;
        try {
            reply = caller_.ask_signed(request);
        } catch (Broken const&) {
            notes_.count("unanswered");
            return false;
        }
        if (reply.status == 503 || reply.status == 429) {
            notes_.count("asked_to_wait");
            return false;
        }
        note_answer(object, change, reply);
        last_ = request;
        return true;
    }

    void note_answer(Told& object, std::int64_t change, Reply const& reply) {
        bool const retried = object.change == change;  // a look found it stored
        auto const generation = object.generation + (retried ? 0 : 1);
        auto const body = json::parse(reply.body).as_object();
        if (reply.status != (retried ? 200 : 202) || integer_at(body, "generation") != generation) {
            notes_.wrong("PUT " + object.target() + " of change " + std::to_string(change) + " should be generation " +
                         std::to_string(generation) + (retried ? ", stored already" : "") + "; it is " +
                         std::to_string(reply.status) + " " + reply.body);
        }
        object = {object.from, object.name, integer_at(body, "generation"), change};
        notes_.count(retried ? "acknowledged_again" : "acknowledged");
    }

    void after_loss(Told& object, std::int64_t sent) {
        caller_.reconnect();
        look(object, sent);
        replay();
    }

    void replay() {
        if (last_.empty()) return;
        try {
            auto const reply = caller_.ask_raw(last_);
            if (reply.status == 401) notes_.count("replays_refused");
            if (reply.status >= 200 && reply.status < 300) notes_.wrong("an old request is taken again");
        } catch (Broken const&) {
            caller_.reconnect();
        }
    }

    Caller caller_;
    std::vector<Told*> const own_;
    Notes& notes_;
    std::mt19937_64 random_;
    std::size_t steps_ = 0;
    std::string last_;  // that was acknowledged
};

std::vector<Told*> share_of(std::vector<Told>& objects, std::size_t which, std::size_t of) {
    std::vector<Told*> out;
    for (auto i = which; i < objects.size(); i += of) out.push_back(&objects[i]);
    return out;
}

bool done(Puts const& options, Notes const& notes) {
    if (notes.of("acknowledged") < options.at_least) return false;
    return options.while_there.empty() || ::access(options.while_there.c_str(), F_OK) != 0;
}

}  // namespace

void Notes::count(std::string const& what, std::uint64_t more) {
    std::lock_guard const lock(mutex_);
    counts_[what] += more;
}

void Notes::wrong(std::string const& sentence) {
    std::lock_guard const lock(mutex_);
    wrong_.push_back(sentence);
}

std::uint64_t Notes::of(std::string const& what) const {
    std::lock_guard const lock(mutex_);
    auto const it = counts_.find(what);
    return it == counts_.end() ? 0 : it->second;
}

bool Notes::print() const {
    std::lock_guard const lock(mutex_);
    for (auto const& [what, number] : counts_)
        std::printf("%s %llu\n", what.c_str(), static_cast<unsigned long long>(number));
    std::printf("wrong %zu\n", wrong_.size());
    for (std::size_t i = 0; i < std::min<std::size_t>(wrong_.size(), 10); ++i)
        std::printf("# wrong: %.1500s\n", wrong_[i].c_str());
    return wrong_.empty();
}

void put_all(Caller::Who const& who, Puts const& options, std::vector<Told>& objects, Notes& notes) {
    std::vector<std::thread> threads;
    auto const connections = std::min(options.connections, objects.size());
    for (std::size_t i = 0; i < connections; ++i)
        threads.emplace_back([&, i] {
            try {
                Connection connection(who, share_of(objects, i, connections), notes, static_cast<unsigned>(i));
                while (!connection.round() || !done(options, notes)) connection.step();
            } catch (std::exception const& e) {
                notes.wrong(std::string("a connection ended: ") + e.what());
            }
        });
    for (auto& thread : threads) thread.join();
}

void verify_all(Caller::Who const& who, std::vector<Told> const& objects, std::string const& planned,
                std::string const& plan_has, Notes& notes) {
    Connection connection(who, {}, notes, 1);
    for (auto object : objects) {
        if (connection.look(object, object.change)) notes.count("as_told");
        if (plan_has.empty() || object.from->plural != planned) continue;
        auto const plan = connection.answered("GET", object.target() + "/plan");
        auto const part = filled(plan_has, object.name, object.change);
        if (plan.body.find(part) != std::string::npos)
            notes.count("planned");
        else
            notes.wrong("the plan of " + object.target() + " has no " + part + ": " + plan.body);
    }
}

}  // namespace genesis::load
