// What a driver owes the engine, typed for those who write one, erased for the engine that runs them.
#pragma once
#include "drivers/context.hpp"
#include "resources/schema/pack.hpp"

#include <array>
#include <concepts>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace genesis {

// Which records to look at; an empty list is everything this driver can see.
struct Scope {
    std::vector<std::string> keys;
    [[nodiscard]] bool everything() const { return keys.empty(); }
};

// Bears a name we may want, was not made by us: reported, never touched.
template <class V>
struct Unmanaged {
    V value;
    std::string why;  // "user 1001 exists and is not ours"
};

// Long work on a record that is under way: an image being copied, an order waiting at a CA, a guest shutting down.
// apply() starts it and answers in_progress; observe() reports it while it lasts; the apply() after its end answers
// with its result, or starts it again.
struct Progress {
    std::string why;             // "copying debian-12.qcow2"
    std::optional<int> percent;  // 0 to 100; nothing: unknown
    Time since{};                // when it started
    std::string fingerprint{};   // of the value it was started for; of {}: its removal; empty: of whatever is wanted
    std::chrono::milliseconds observe_after{1000};  // when to observe again; at least 100 ms
};

// Unseen is not absent: whatever could not be looked at this time must be named here, or the look must throw.
template <class V>
struct Observed {
    std::vector<V> found;
    std::vector<std::string> unseen;
    std::vector<Unmanaged<V>> unmanaged;
    std::vector<std::pair<std::string, Progress>> in_progress;  // by key; also of records that are not found (yet)
};

enum class Verb { create, update, remove };
template <>
struct EnumNames<Verb> {
    static constexpr std::array names{std::pair{Verb::create, std::string_view("create")},
                                      std::pair{Verb::update, std::string_view("update")},
                                      std::pair{Verb::remove, std::string_view("remove")}};
};
template <class V>
struct Step {
    Verb verb{};
    V want, have;  // want is V{} for remove; have is V{} for create
    std::vector<Change> changes;
    [[nodiscard]] V const& subject() const { return verb == Verb::remove ? have : want; }
};

struct Outcome {
    enum How {
        done,
        retry,       // try again after a pause; `why` says what stood in the way
        terminal,    // can never work as wanted: terminal until the spec changes
        in_progress  // long work goes on by itself: no failure, observe() reports it as Progress until it ends; where
                     // it reports none the step is taken again at once
    } how = done;
    std::string why;
};
// Of a step that the time of its batch did not reach: nothing of it has failed, so its object is looked at again
// after a second and no attempt is counted.
inline Outcome not_begun() { return {Outcome::in_progress, "not begun: the time of its batch was over"}; }
// What became of one step. What it throws is its own: it fails alone.
template <class Work>
Outcome one_step(Context const& context, Work&& work) {
    if (context.is_over()) return not_begun();
    try {
        return work();
    } catch (Fault const& fault) {
        return {Outcome::retry, fault.what()};
    }
}
template <>
struct EnumNames<Outcome::How> {
    static constexpr std::array names{std::pair{Outcome::done, std::string_view("done")},
                                      std::pair{Outcome::retry, std::string_view("retry")},
                                      std::pair{Outcome::terminal, std::string_view("terminal")},
                                      std::pair{Outcome::in_progress, std::string_view("in_progress")}};
};

// What commit() found out about single records after the batch was applied: a quarantined site, a unit that
// would not start. Records it does not name keep the outcome of their step.
struct CommitResult {
    Outcome overall;
    std::vector<std::pair<Ref, Outcome>> records;
};

template <class V>
struct Of {};  // picks the overload: observe(Of<Database>{}, …)

template <class D, class V>
concept Realises = Described<V> && requires(D& d, Scope const& s, std::span<Step<V> const> steps, Context& c) {
    { d.observe(Of<V>{}, s, c) } -> std::same_as<Observed<V>>;    // one look for the whole batch; changes nothing
    { d.apply(steps, c) } -> std::same_as<std::vector<Outcome>>;  // one outcome a step, same order; safe to repeat
};
template <class D, class Kinds>
inline constexpr bool realises_all = false;
template <class D, class... V>
inline constexpr bool realises_all<D, std::tuple<V...>> = (Realises<D, V> && ...);

template <class D>
concept Driver = requires(D& d, Context& c) {
    typename D::Kinds;                              // std::tuple<Database, DbUser, Grant>
    { d.commit(c) } -> std::same_as<CommitResult>;  // once a batch: test config, reload, put back
}
&&realises_all<D, typename D::Kinds>;

// How the engine knows that a record it sees is ours to change or remove.
enum class Ownership {
    marked,     // the driver sees a marker and lists everything else as unmanaged
    journalled  // nothing on the machine can carry one: only what the journal says we made is ours
};

// What the engine must know of a kind beyond its fields. Each is said in Describe<V> where it is not the default.
struct KindTraits {
    Ownership ownership = Ownership::marked;
    bool enumerable = true;   // an empty scope lists all of ours; otherwise the engine names the keys it knows
    bool holds_data = false;  // removal loses what a tenant made: it needs its object purged, or a confirmation
    std::chrono::seconds progress_limit{3600};  // longer in progress is a failure
    // So many updates and removals are half a second's work of a driver that takes them one by one: a batch has no more
    // of them, and none beside other steps, so that these come in between. None: as many as wait. Only for a driver
    // whose commit() costs nothing: it is called more often; and whose creations do not need these removals first. From
    // 1 to 1000.
    std::optional<std::size_t> slow_updates{}, slow_removals{};
};
template <class V>
constexpr KindTraits traits_of() {
    KindTraits traits;
    if constexpr (requires { Describe<V>::ownership; }) traits.ownership = Describe<V>::ownership;
    if constexpr (requires { Describe<V>::enumerable; }) traits.enumerable = Describe<V>::enumerable;
    if constexpr (requires { Describe<V>::holds_data; }) traits.holds_data = Describe<V>::holds_data;
    if constexpr (requires { Describe<V>::progress_limit; }) traits.progress_limit = Describe<V>::progress_limit;
    if constexpr (requires { Describe<V>::slow_updates; }) traits.slow_updates = Describe<V>::slow_updates;
    if constexpr (requires { Describe<V>::slow_removals; }) traits.slow_removals = Describe<V>::slow_removals;
    return traits;
}

// Below this line no templates: the engine knows no kind by name.
struct Observation {
    struct Unmanaged {
        json::object value;
        std::string why;
    };
    RefMap<Packed> found;
    std::map<Ref, std::string> unseen;               // why they could not be observed
    std::map<std::string, std::string> unreachable;  // kind → why nothing of it could be seen
    std::map<Ref, Unmanaged> unmanaged;
    std::map<Ref, Progress> in_progress;
    [[nodiscard]] bool sees(Ref const& ref) const { return !unseen.contains(ref) && !unreachable.contains(ref.kind); }
    void merge(Observation other) {
        if (found.size() < other.found.size()) found.swap(other.found);
        found.merge(other.found);
        unseen.merge(other.unseen);
        unreachable.merge(other.unreachable);
        unmanaged.merge(other.unmanaged);
        in_progress.merge(other.in_progress);
    }
};
struct AnyStep {
    Verb verb{};
    Ref ref;
    Ref object;  // the account or vps it belongs to
    json::object want, have;
    std::vector<Change> changes;
    std::set<Ref> after;  // steps of the same plan that must be done first
};
struct AnyDriver {
    virtual ~AnyDriver() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    [[nodiscard]] virtual std::vector<Schema const*> kinds() const = 0;
    [[nodiscard]] virtual KindTraits traits(std::string_view kind) const = 0;
    virtual Observation observe(std::string_view kind, Scope const&, Context&) = 0;
    virtual std::vector<Outcome> apply(std::span<AnyStep const>, Context&) = 0;  // all of one kind
    virtual CommitResult commit(Context&) = 0;
    // The least time between two batches: what each commit() costs others (a reload) is spread over more changes.
    [[nodiscard]] virtual std::chrono::milliseconds least_interval() const { return {}; }
};

// The only bridge between typed and erased.
template <Driver D>
class Bound final : public AnyDriver {
public:
    Bound(std::string name, D driver) : name_(std::move(name)), driver_(std::move(driver)) {}

    [[nodiscard]] std::string_view name() const override { return name_; }
    [[nodiscard]] std::vector<Schema const*> kinds() const override {
        std::vector<Schema const*> out;
        each_kind([&]<class V> { out.push_back(&schema_of<V>()); });
        return out;
    }
    [[nodiscard]] KindTraits traits(std::string_view kind) const override {
        KindTraits out;
        each_kind([&]<class V> {
            if (Describe<V>::kind == kind) out = traits_of<V>();
        });
        return out;
    }
    Observation observe(std::string_view kind, Scope const& scope, Context& context) override {
        Observation seen;
        each_kind([&]<class V> {
            if (Describe<V>::kind == kind) seen = erase<V>(driver_.observe(Of<V>{}, scope, context));
        });
        return seen;
    }
    std::vector<Outcome> apply(std::span<AnyStep const> steps, Context& context) override {
        std::vector<Outcome> out;
        if (steps.empty()) return out;
        each_kind([&]<class V> {
            if (Describe<V>::kind == steps.front().ref.kind) out = apply_typed<V>(steps, context);
        });
        return out;
    }
    CommitResult commit(Context& context) override { return driver_.commit(context); }
    [[nodiscard]] std::chrono::milliseconds least_interval() const override {
        if constexpr (requires { D::least_interval; }) return D::least_interval;
        return {};
    }
    D& driver() { return driver_; }

private:
    template <class F>
    static void each_kind(F&& visit) {
        [&]<class... V>(std::tuple<V...>*) {
            (visit.template operator()<V>(), ...);
        }(static_cast<typename D::Kinds*>(nullptr));
    }
    template <class V>
    static Observation erase(Observed<V> const& seen) {
        Observation out;
        std::string const kind(Describe<V>::kind);
        out.found.reserve(seen.found.size());
        for (auto const& v : seen.found) out.found.emplace(Ref{kind, key_text(v)}, pack(v));
        for (auto const& key : seen.unseen) out.unseen.emplace(Ref{kind, key}, "could not be observed this time");
        for (auto const& f : seen.unmanaged)
            out.unmanaged.emplace(Ref{kind, key_text(f.value)}, Observation::Unmanaged{encode(f.value), f.why});
        for (auto const& [key, progress] : seen.in_progress) out.in_progress.emplace(Ref{kind, key}, progress);
        return out;
    }
    template <class V>
    std::vector<Outcome> apply_typed(std::span<AnyStep const> steps, Context& context) {
        std::vector<Step<V>> typed;
        typed.reserve(steps.size());
        for (auto const& s : steps)
            typed.push_back({s.verb, decode_trusted<V>(s.want), decode_trusted<V>(s.have), s.changes});
        return driver_.apply(std::span<Step<V> const>(typed), context);
    }
    std::string name_;
    D driver_;
};
template <Driver D>
std::unique_ptr<AnyDriver> bind(std::string name, D driver) {
    return std::make_unique<Bound<D>>(std::move(name), std::move(driver));
}

}  // namespace genesis
