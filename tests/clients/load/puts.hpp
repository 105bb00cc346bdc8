// Specs PUT on many connections to a server that dies under way, each answer held against those before.
#pragma once
#include "tests/clients/load/caller.hpp"
#include "tests/clients/load/objects.hpp"

#include <map>
#include <mutex>

namespace genesis::load {

// What was counted and what must not be, from every connection.
class Notes {
public:
    void count(std::string const& what, std::uint64_t more = 1);
    void wrong(std::string const& sentence);
    [[nodiscard]] std::uint64_t of(std::string const& what) const;
    // "acknowledged 10000", a line each, then "wrong N" and the first of those sentences. True when none is wrong.
    bool print() const;

private:
    std::mutex mutable mutex_;
    std::map<std::string, std::uint64_t> counts_;
    std::vector<std::string> wrong_;
};

struct Puts {
    std::size_t connections = 32;
    std::uint64_t at_least = 0;  // acknowledged PUTs; each object is changed once in any case
    std::string while_there;     // and goes on as long as there is this file; "": no longer
};

// Every object is one connection's alone, which sends its next change once the last is answered. An answer that is lost
// is followed, once the server is back, by three questions: what is stored (what was answered, or what was sent last,
// and nothing else), is an old request taken again (it must not be), and the same PUT with a new nonce.
void put_all(Caller::Who const& who, Puts const& options, std::vector<Told>& objects, Notes& notes);

// Asks for each object and notes whether it is as was answered; with `plan_has`, whether the text of its plan holds
// that (filled like a template, of the kinds that start with `planned`).
void verify_all(Caller::Who const& who, std::vector<Told> const& objects, std::string const& planned,
                std::string const& plan_has, Notes& notes);

}  // namespace genesis::load
