// What is wanted: objects, what they were given of what is had once, and what was said of them. A port.
#pragma once
#include "drivers/context.hpp"
#include "reconciler/store/actor.hpp"
#include "reconciler/store/completion.hpp"
#include "resources/catalog.hpp"
#include "resources/schema/secret.hpp"
#include "resources/status.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace genesis {

// An object as stored. Secrets in `spec` are in clear in memory only: show it through redact().
struct Object {
    Ref ref;  // {"account", "acme"}
    std::int64_t generation = 0;
    json::object spec;
    std::string source;   // "api", or "file:acme.yaml": who may change it
    std::string request;  // the X-Request-Id that brought this generation; empty when none did
    bool paused = false;
    bool adopt = false;                     // unmanaged records of its names may be taken over
    std::int64_t confirmed_generation = 0;  // removals that need a confirmation have it up to this generation
    std::optional<Time> terminating;        // since when
    bool purge = false;                     // its data goes at once
    Allocations allocations;                // what it was given, by slot: {"uid": 20001}
    std::int64_t observed_generation = 0;
    std::vector<Condition> conditions;
    Time created{}, changed{};
};

struct StatusUpdate {
    Ref ref;
    std::int64_t observed_generation = 0;
    std::vector<Condition> conditions;
};

struct StoreRefusal {
    // not_found, name_taken, domain_taken, reserved, owned_by, in_use, precondition_failed, exhausted, invalid,
    // replayed
    std::string code;
    std::string text;
    Problems problems;  // with pointers where a field is to blame
};
template <class T>
using Stored = boost::system::result<T, StoreRefusal>;
[[noreturn]] void throw_exception_from_error(StoreRefusal const&, boost::source_location const&);

enum class Wrote { created, changed, unchanged };
struct Written {
    Wrote how = Wrote::unchanged;
    std::int64_t generation = 0;
};

struct Versions {
    std::int64_t before = 0, after = 0;
};

struct PutRequest {
    Ref ref;
    std::string source = "api";
    std::optional<std::int64_t> if_match;  // this generation must be the stored one
    bool if_none_match = false;            // there must be none
    bool take_over = false;                // may change the source
    using Find = std::function<std::optional<Object>(Ref const& ref)>;
    // Called with what is stored (null: nothing): the complete spec to store, or a refusal. What it sees, there and
    // through find(), is the state that the put will be written to; it is called once more where that has changed.
    std::function<Stored<json::object>(Object const* former, Find const& find)> spec;
    // Secrets that were made up in spec(), to be shown once: label → secret. Filled by spec() before it returns.
    std::map<std::string, Secret>* generated = nullptr;
    Actor* actor = nullptr;  // null: the source itself, as with a spec file
};

// All members may be called at any time by anybody; a write is durable once it returns. Faults of the medium are thrown
// as Fault; nothing is half written.
struct Objects {
    virtual ~Objects() = default;
    // `actor`: who asks, for the audit row that goes into the same transaction; its nonce is consumed there too.
    // An equal spec (secrets compared in clear) of a living object is `unchanged`. A put revives a terminating object;
    // one that is being purged is refused ("being_purged") until it is gone: half of its data may be.
    virtual Stored<Written> put(PutRequest const& request) = 0;
    // The same, returning at once; what the request points to lives until it completes. Throws Fault when the store is
    // closing, and then never completes.
    virtual void put(PutRequest request, Completion<Stored<Written>> completion) = 0;
    // What put() would store, allocations and all, and nothing is stored. Asks request.spec() like put().
    virtual Stored<Object> dry_run(PutRequest const& request) = 0;
    // Starts termination. `purge`: its data goes at once, also where its grace is under way; false takes that back of
    // an object that is terminating (else "not_terminating", "not_found"): what is left of the data stays for a grace
    // that begins now; nothing leaves it as it is. Absent: unchanged, generation 0. What another object refers to is
    // in_use. if_match: this generation must be the stored one; of what is absent none is.
    virtual Stored<Written> remove(Ref const& ref, std::optional<bool> purge, std::string const& source,
                                   Actor* actor = nullptr, std::optional<std::int64_t> if_match = {}) = 0;
    // What remove() would leave, and nothing is changed; nothing where it is absent already.
    virtual Stored<std::optional<Object>> remove_dry_run(Ref const& ref, std::optional<bool> purge,
                                                         std::string const& source,
                                                         std::optional<std::int64_t> if_match = {}) = 0;
    // Those that still are of this generation, terminating and not paused are purged from now on, in one commit.
    virtual void end_graces(std::span<std::pair<Ref, std::int64_t> const> objects) = 0;
    virtual Stored<Written> set_source(Ref const& ref, std::string const& source, Actor* actor = nullptr) = 0;
    virtual Stored<Written> set_paused(Ref const& ref, bool paused, Actor* actor = nullptr) = 0;
    virtual Stored<Written> set_adopt(Ref const& ref, bool adopt, Actor* actor = nullptr) = 0;
    virtual Stored<Written> confirm_removals(Ref const& ref, Actor* actor = nullptr) = 0;
    // Whether the whole server is looked at and not changed. False when the nonce was consumed before.
    virtual bool set_all_paused(bool paused, Actor& actor) = 0;
    virtual bool all_paused() = 0;
    // Forgets a terminated object and releases what it was given. `generation`: only this one; false, and nothing is
    // done, where another is stored: it was put again meanwhile.
    virtual bool forget(Ref const& ref, std::optional<std::int64_t> generation = {}) = 0;

    virtual std::optional<Object> find(Ref const& ref) = 0;
    virtual std::vector<Object> objects(std::string const& kind = {}) = 0;  // all of a kind, or all, by name
    virtual std::vector<Object> list(std::string const& kind, std::string const& after, std::size_t limit) = 0;
    // One commit for all of them. An object that is not stored is passed over. The versions before and after them.
    virtual Versions set_statuses(std::span<StatusUpdate const> updates) = 0;
    void set_status(Ref const& ref, std::int64_t observed_generation, std::vector<Condition> const& conditions) {
        StatusUpdate const one{ref, observed_generation, conditions};
        (void)set_statuses({&one, 1});
    }

    // Objects that refer to this one, by kind and name: what must be looked at again when it changes.
    virtual std::vector<Ref> dependents(Ref const& ref) = 0;
    // Tries again what could not be given, since values are released, pools grow and quarantines end: the objects that
    // have been given something.
    virtual std::vector<Ref> allocate_missing() = 0;
    // Secrets that were made up for the object, shown once: the second call returns none.
    virtual Stored<std::map<std::string, Secret>> take_credentials(Ref const& ref, Actor* actor = nullptr) = 0;
    // Rises in the commit of each change of an object, whichever process makes it, and never falls. Cheap, so that it
    // can be asked with every request. What is read after it is at least as new: what was made of objects that were
    // read after version n, while it still is n, is made of what is stored now.
    virtual std::int64_t version() = 0;
    // Why the store cannot be written, which a small write finds out, at most once a second; nothing where it can.
    virtual std::optional<std::string> unhealthy() = 0;
};

}  // namespace genesis
