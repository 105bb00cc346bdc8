// Names and numbers of which there is one each on a node: who holds them, and who may take them.
#pragma once
#include "reconciler/store/statements.hpp"
#include "reconciler/store/store.hpp"

#include <map>
#include <mutex>

namespace genesis {

// From where to where the numbers of one space are given, and whether the machine still has one free (asked under the
// write lock, so it must be quick).
struct Numbers {
    std::string space = "uid";
    std::int64_t first = 20000, last = 59999;
    std::function<bool(std::int64_t)> free = [](std::int64_t) { return true; };
};

// Which numbers the machine said were free a moment ago, since asking it may take long. Any thread.
class FreeNumbers {
public:
    FreeNumbers(std::function<bool(std::int64_t)> ask, Clock const& clock) : ask_(std::move(ask)), clock_(clock) {}
    // As the machine said within the last few seconds, or says now.
    bool is_free(std::int64_t number);
    // Somebody will want one from `next` on: asks about the next one that nobody asked about yet, at most `lead`
    // further on: who was refused in the end took none.
    void expect(std::int64_t next);

private:
    static constexpr std::chrono::seconds good_for{5};  // others give numbers away too
    static constexpr std::int64_t most = 4096, lead = 64;
    void remember(std::int64_t number);

    std::function<bool(std::int64_t)> const ask_;
    Clock const& clock_;
    std::mutex mutex_;
    std::map<std::int64_t, Steady> free_;  // number → when it was found to be
    std::int64_t asked_ = 0;               // up to here
};

// "www.acme.example" → "example.acme.www": what is beneath a name begins with it and a dot.
std::string reversed(std::string_view domain);

// Where in a spec the host name stands: "/sites/1/aliases/0"; empty when nowhere.
std::string domain_pointer(json::object const& spec, std::string const& domain);

// All of these run inside the writer's transaction.
class Claims {
public:
    Claims(Statements& statements, std::string const& node, Numbers const& numbers)
        : sql_(statements), node_(node), numbers_(numbers) {}

    // Why `ref` may not have `wanted`. Another object's name is taken, and so is every name beneath its wildcard, a
    // wildcard over any of its names and one right beneath its name; a plain name beneath or above a plain name of
    // another is free. Never says whose it is: a tenant may read it.
    Problems taken(Ref const& ref, std::vector<std::string> const& wanted, json::object const& spec);
    // Precondition: taken() found nothing.
    void hold(Ref const& ref, std::vector<std::string> const& former, std::vector<std::string> const& wanted);

    // One number, when `spaces` names this space and `ref` holds none: the lowest above every one that was ever given.
    // Returns why not when they ran out.
    std::optional<std::string> allocate(Ref const& ref, std::vector<std::string_view> const& spaces);
    // Domains are free again; numbers stay used.
    void release(Ref const& ref, Time now);

private:
    bool others(Ref const& ref, std::string const& reversed_name);
    bool others_beneath(Ref const& ref, std::string const& reversed_parent);
    bool is_taken(Ref const& ref, std::string const& domain);
    std::optional<std::int64_t> next();

    Statements& sql_;
    std::string const& node_;
    Numbers const& numbers_;
};

}  // namespace genesis
