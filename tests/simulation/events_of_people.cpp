// What users and operators do, and others by hand.
#include "reconciler/store/admission.hpp"
#include "tests/simulation/history.hpp"

#include <array>

namespace genesis::simulation {
namespace {

struct NothingReserved final : Reserved {
    [[nodiscard]] std::optional<std::string> user_name(std::string const&) const override { return std::nullopt; }
    [[nodiscard]] std::optional<std::string> domain(std::string const&) const override { return std::nullopt; }
    [[nodiscard]] std::vector<std::string> php_versions() const override { return {"8.2"}; }
};

constexpr std::array accounts{"acme", "beta", "cora"};
constexpr std::array domains{"one.example", "two.example"};

}  // namespace

Ref History::any_account() { return {"account", accounts[dice_.below(accounts.size())]}; }

std::string History::account_text() {
    std::string out = R"({"kind": "account", "name": ")" + any_account().key + "\"";
    if (laws_.find({"package", "basic"}) != nullptr && !dice_.one_in(3)) out += R"(, "package": "basic")";
    if (dice_.one_in(6)) out += R"(, "state": "suspended")";
    if (dice_.one_in(3)) out += R"(, "ssh": {"access": "sftp"})";
    std::string sites;
    for (auto const* domain : domains) {
        if (!dice_.one_in(3)) continue;
        sites += (sites.empty() ? "" : ", ") + (R"({"domain": ")" + std::string(domain) + "\"");
        if (dice_.one_in(2)) sites += R"(, "tls": {"mode": "none"})";
        if (dice_.one_in(3)) sites += R"(, "php": {"version": "8.2"})";
        sites += "}";
    }
    if (!sites.empty()) out += R"(, "sites": [)" + sites + "]";
    if (dice_.one_in(2))
        out += std::string(R"(, "databases": [{"name": "shop", "users": [{"name": "web", "password": )") +
               R"("correct-horse-1", "privileges": ")" + (dice_.one_in(2) ? "all" : "read") + "\"}]}]";
    return out + "}";
}

bool History::put_account() {
    put(account_text());
    return true;
}

bool History::put_package() {
    put(R"({"kind": "package", "name": "basic", "grace_days": )" + std::to_string(dice_.below(2)) +
        R"(, "limits": {"tasks": )" + std::to_string(100 + dice_.below(3)) + "}}");
    return true;
}

void History::put(std::string const& text) {
    auto spec = stage_.specs.find(text);
    if (spec == stage_.specs.end()) spec = stage_.specs.emplace(text, read_spec(json::parse(text)).value()).first;
    Ref const ref{std::string(spec->second.kind->schema->kind), spec->second.name};
    change(ref, "put " + text, [&] {
        auto const written = admit({stage_.disk.store(), NothingReserved()}, spec->second, {});
        if (!written) note("  refused: " + written.error().text);
    });
}

// Stored now, and handed to the reconciler at some later time.
void History::change(Ref const& object, std::string const& what, std::function<void()> const& how) {
    note(what);
    how();
    laws_.learn(stage_.disk.store(), object);
    to_wake_.insert(object);
}

bool History::remove() {
    auto const object = dice_.one_in(5) ? Ref{"package", "basic"} : any_account();
    if (laws_.find(object) == nullptr) return false;
    auto const purge = dice_.one_in(3) ? std::nullopt : std::optional(!dice_.one_in(6));
    change(object,
           (!purge   ? "remove "
            : *purge ? "purge "
                     : "keep the data of ") +
               object.str(),
           [&] { (void)stage_.disk.store().remove(object, purge, "api"); });
    return true;
}

bool History::pause() {
    auto const object = any_account();
    auto const* known = laws_.find(object);
    if (known == nullptr) return false;
    bool const paused = !known->object.paused;
    change(object, (paused ? "pause " : "resume ") + object.str(),
           [&] { (void)stage_.disk.store().set_paused(object, paused); });
    return true;
}

bool History::confirm() {
    auto const object = any_account();
    if (laws_.find(object) == nullptr) return false;
    change(object, "confirm the removals of " + object.str(),
           [&] { (void)stage_.disk.store().confirm_removals(object); });
    return true;
}

void History::wake_now(Ref const& object, bool reset_backoff) {
    note("wake " + object.str() + (reset_backoff ? ", at once" : ""));
    to_wake_.erase(object);
    daemon_->reconciler.wake(object, reset_backoff);
}

bool History::wake() {
    if (to_wake_.empty()) return false;
    // A copy: it is no longer among them then.
    Ref const object = *std::next(to_wake_.begin(), static_cast<std::ptrdiff_t>(dice_.below(to_wake_.size())));
    wake_now(object, true);
    return true;
}

bool History::wake_anything() {
    wake_now(any_account(), dice_.one_in(2));
    return true;
}

bool History::wake_all() {
    note("wake all");
    daemon_->reconciler.wake_all(dice_.one_in(2));
    return true;
}

bool History::ask() {
    if (!nature_.questions) return false;
    auto const asked = std::make_shared<Question>(Question{stage_.clock.steady()});
    questions_.push_back(asked);
    auto const take = [this, asked](Plan const&, std::exception_ptr const& failure) {
        ++asked->answers;
        if (failure) verdict_.broken("a question was answered with an error");
    };
    auto const object = any_account();
    auto const* known = laws_.find(object);
    if (known == nullptr || dice_.one_in(3)) {
        note("examine all");
        daemon_->reconciler.examine(std::nullopt, take);
    } else if (dice_.one_in(2)) {
        note("examine " + object.str());
        daemon_->reconciler.examine(object, take);
    } else {
        note("preview " + object.str());
        auto changed = known->object;
        changed.spec["sites"] = json::array();
        ++changed.generation;
        daemon_->reconciler.preview(changed, take);
    }
    return true;
}

bool History::disturb() {
    auto const& records = machine_.world.records;
    if (!nature_.hands || records.empty()) return false;
    auto const record = std::next(records.begin(), static_cast<std::ptrdiff_t>(dice_.below(records.size())))->first;
    if (machine_.unmanaged(record)) return false;
    bool const drop = dice_.one_in(2);
    note((drop ? "by hand: drop " : "by hand: change ") + record.str());
    drop ? machine_.drop(record) : machine_.drift(record);
    return true;
}

bool History::make_unmanaged() {
    if (!nature_.unmanaged) return false;
    std::array const names{Ref{"site", domains[0]}, Ref{"site", domains[1]}, Ref{"database", "acme_shop"},
                           Ref{"db_user", "beta_web"}, Ref{"unix_user", "cora"}};
    auto const& record = names[dice_.below(names.size())];
    if (machine_.world.records.contains(record) || daemon_->ledger.rows().contains(record)) return false;
    note("by hand: make " + record.str());
    auto const& kind = simulated_kinds().at(record.kind);
    machine_.make_unmanaged(record, *kind.schema, kind.traits.ownership);
    return true;
}

bool History::remove_unmanaged() {
    if (!nature_.unmanaged) return false;
    note("by hand: remove what is not ours");
    machine_.remove_unmanaged();
    return true;
}

}  // namespace genesis::simulation
