// Domain claims by ranges over reversed names, numbers by the highest ever given.
#include "reconciler/store/claims.hpp"

#include <algorithm>
#include <set>

namespace genesis {

bool FreeNumbers::is_free(std::int64_t number) {
    {
        std::lock_guard const lock(mutex_);
        auto const known = free_.find(number);
        if (known != free_.end() && clock_.steady() - known->second < good_for) return true;
    }
    if (!ask_(number)) return false;
    remember(number);
    return true;
}

void FreeNumbers::expect(std::int64_t next) {
    {
        std::lock_guard const lock(mutex_);
        next = asked_ = std::max(next, std::min(asked_ + 1, next + lead));
    }
    if (ask_(next)) remember(next);
}

void FreeNumbers::remember(std::int64_t number) {
    std::lock_guard const lock(mutex_);
    free_.erase(free_.begin(), free_.lower_bound(number - most));  // given long ago
    free_.insert_or_assign(number, clock_.steady());
}

// Sites are what claims names today.
std::string domain_pointer(json::object const& spec, std::string const& domain) {
    auto const* sites = spec.if_contains("sites");
    if (sites == nullptr || !sites->is_array()) return "";
    for (std::size_t i = 0; i < sites->get_array().size(); ++i) {
        auto const& site = sites->get_array()[i].as_object();
        auto const at = "/sites/" + std::to_string(i);
        if (site.at("domain").as_string() == domain) return at + "/domain";
        auto const& aliases = site.at("aliases").as_array();
        for (std::size_t k = 0; k < aliases.size(); ++k)
            if (aliases[k].as_string() == domain) return at + "/aliases/" + std::to_string(k);
    }
    return "";
}

std::string reversed(std::string_view domain) {
    std::string out;
    out.reserve(domain.size());
    for (auto rest = domain;;) {
        auto const dot = rest.rfind('.');
        if (dot == std::string_view::npos) return out.append(rest);
        out.append(rest.substr(dot + 1)).push_back('.');
        rest = rest.substr(0, dot);
    }
}

bool Claims::others(Ref const& ref, std::string const& reversed_name) {
    Use holder(sql_.domain_holder, node_, reversed_name);
    return holder.row() && Ref{holder.text(0), holder.text(1)} != ref;
}

bool Claims::others_beneath(Ref const& ref, std::string const& reversed_parent) {
    std::string const from = reversed_parent + ".", to = reversed_parent + "/";  // '/' follows '.' in ASCII
    Use any(sql_.domain_beneath, node_, from, to, ref.kind, ref.key);
    return any.row();
}

bool Claims::is_taken(Ref const& ref, std::string const& domain) {
    auto const name = reversed(domain);
    bool const wildcard = domain.starts_with("*.");
    if (others(ref, name)) return true;
    for (auto dot = name.rfind('.'); dot != std::string::npos && dot > 0; dot = name.rfind('.', dot - 1))
        if (others(ref, name.substr(0, dot) + ".*")) return true;
    if (!wildcard) return others(ref, name + ".*");
    auto const parent = name.substr(0, name.size() - 2);
    return others(ref, parent) || others_beneath(ref, parent);
}

Problems Claims::taken(Ref const& ref, std::vector<std::string> const& wanted, json::object const& spec) {
    Problems out;
    for (auto const& domain : wanted) {
        if (out.size() >= most_problems) break;
        if (is_taken(ref, domain))
            out.push_back({domain_pointer(spec, domain), "domain_taken", domain + " is used by another account"});
    }
    return out;
}

void Claims::hold(Ref const& ref, std::vector<std::string> const& former, std::vector<std::string> const& wanted) {
    std::set<std::string> const before(former.begin(), former.end()), after(wanted.begin(), wanted.end());
    for (auto const& domain : before)
        if (!after.contains(domain)) {
            auto const name = reversed(domain);
            Use(sql_.delete_domain, node_, name).run();
        }
    for (auto const& domain : after)
        if (!before.contains(domain)) {
            auto const name = reversed(domain);
            Use(sql_.insert_domain, node_, name, ref.kind, ref.key).run();
        }
}

std::optional<std::int64_t> Claims::next() {
    Use highest(sql_.highest_number, node_, numbers_.space);
    auto number = highest.row() ? std::max(numbers_.first, highest.integer(0) + 1) : numbers_.first;
    while (number <= numbers_.last && !numbers_.free(number)) ++number;
    if (number > numbers_.last) return std::nullopt;
    return number;
}

std::optional<std::string> Claims::allocate(Ref const& ref, std::vector<std::string_view> const& spaces) {
    if (std::find(spaces.begin(), spaces.end(), numbers_.space) == spaces.end()) return std::nullopt;
    {
        Use held(sql_.numbers_held, node_, ref.kind, ref.key, numbers_.space);
        if (held.row()) return std::nullopt;
    }
    auto const number = next();
    if (!number) return "every " + numbers_.space + " that may be given has been used";
    Use(sql_.insert_number, node_, numbers_.space, *number, ref.kind, ref.key).run();
    return std::nullopt;
}

void Claims::release(Ref const& ref, Time now) {
    Use(sql_.delete_domains, node_, ref.kind, ref.key).run();
    Use(sql_.release_numbers, node_, ref.kind, ref.key, now).run();
}

}  // namespace genesis
