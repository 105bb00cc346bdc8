// The checks a spec passes on its way in, run under the store's write lock so that what they saw still holds.
#include "reconciler/store/admission.hpp"

#include "drivers/secrets/vault.hpp"
#include "reconciler/store/claims.hpp"

#include <algorithm>
#include <memory>

namespace genesis {
namespace {

// "/databases/0/users/1/password" → "databases/shop/users/web": list items by their name, the secret's own field left
// out, as people call it.
std::string label_of(json::object const& spec, std::string const& pointer) {
    std::string out;
    json::value const* at = nullptr;  // null: the spec itself
    for (std::size_t from = 1, end = 0; from <= pointer.size(); from = end + 1) {
        end = std::min(pointer.find('/', from), pointer.size());
        auto segment = pointer.substr(from, end - from);
        if (end == pointer.size()) break;
        if (auto const* list = at != nullptr ? at->if_array() : nullptr) {
            at = &list->at(std::stoul(segment));
            auto const& item = at->as_object();
            auto const* name = item.contains("name") ? item.if_contains("name") : item.if_contains("domain");
            if (name != nullptr) segment = std::string(name->as_string());
        } else {
            at = (at != nullptr ? at->as_object() : spec).if_contains(segment);
        }
        if (at == nullptr) break;
        out += (out.empty() ? "" : "/") + segment;
    }
    return out;
}

std::int64_t count_of(json::object const& spec, char const* list) {
    auto const* items = spec.if_contains(list);
    return items != nullptr && items->is_array() ? static_cast<std::int64_t>(items->get_array().size()) : 0;
}

std::optional<std::int64_t> limit_of(json::object const& spec, char const* name) {
    auto const* limits = spec.if_contains("limits");
    if (limits == nullptr || !limits->is_object()) return std::nullopt;
    auto const* limit = limits->get_object().if_contains(name);
    if (limit == nullptr || limit->is_null()) return std::nullopt;
    return limit->to_number<std::int64_t>();
}

// One spec on its way in. Every problem is collected; each step does what it can without the others.
class Entry {
public:
    Entry(Admission const& admission, Spec const& spec, Object const* former, PutRequest::Find const& find,
          std::map<std::string, Secret>& generated)
        : admission_(admission), spec_(spec), former_(former), find_(find), generated_(generated), value_(spec.value) {}

    Stored<json::object> run() {
        check_name();
        check_domains();
        merge_secrets();
        choose();
        check_package();
        if (problems_.empty()) return std::move(value_);
        auto const code = problems_.front().code == "reserved" ? "reserved" : "invalid";
        return StoreRefusal{code, problems_.front().text, std::move(problems_)};
    }

private:
    // A kind that is given a uid becomes a user of the system, under the same name.
    void check_name() {
        auto const& numbers = spec_.kind->allocates;
        if (former_ != nullptr || std::find(numbers.begin(), numbers.end(), "uid") == numbers.end()) return;
        if (auto const why = admission_.reserved.user_name(spec_.name))
            problems_.push_back({"/" + std::string(spec_.kind->schema->key()->name), "reserved", *why});
    }

    void check_domains() {
        if (spec_.kind->domains == nullptr) return;
        for (auto const& domain : spec_.kind->domains(value_)) {
            if (problems_.size() >= most_problems) return;  // each is looked for in the whole spec
            if (auto const why = admission_.reserved.domain(domain))
                problems_.push_back({domain_pointer(value_, domain), "reserved", *why});
        }
    }

    void merge_secrets() {
        each_secret_with_former(*spec_.kind->schema, value_, former_ != nullptr ? &former_->spec : nullptr,
                                [&](std::string const& at, json::value& secret, json::value const* former) {
                                    merge_secret(at, secret, former);
                                });
    }

    void merge_secret(std::string const& at, json::value& secret, json::value const* former) {
        bool const kept = secret.is_string() && secret.get_string() == redacted;
        if (!secret.is_null() && !kept) return;
        if (former != nullptr && former->is_string()) {
            secret = *former;
        } else if (kept) {
            problems_.push_back({at, "required", "there is no stored secret to keep"});
        } else {
            auto made = Vault::generate();
            secret = json::string(made.reveal());
            generated_.insert_or_assign(label_of(value_, at), std::move(made));
        }
    }

    void choose() {
        if (spec_.kind->choose == nullptr) return;
        auto problems = spec_.kind->choose(value_, former_ != nullptr ? &former_->spec : nullptr,
                                           [&] { return admission_.reserved.php_versions(); });
        problems_.insert(problems_.end(), problems.begin(), problems.end());
    }

    void check_package() {
        auto const* word = value_.if_contains("package");
        if (word == nullptr || !word->is_string()) return;
        auto const name = std::string(word->get_string());
        std::optional<Object> package;
        if (!name.empty()) package = find_({"package", name});
        bool const there = package && !package->terminating;
        if (!there && name != "default" && !name.empty())
            problems_.push_back({"/package", "not_found", "there is no package " + name});
        check_limit("sites", package);
        check_limit("databases", package);
    }

    // Only growth is refused: an account that a smaller package left over its limit can still be suspended.
    void check_limit(char const* what, std::optional<Object> const& package) {
        auto const own = limit_of(value_, what);
        if (!own && !package) return;
        auto const most = own ? own : limit_of(package->spec, what);
        auto const count = count_of(value_, what);
        bool const grows = former_ == nullptr || count > count_of(former_->spec, what);
        if (!most || count <= *most || !grows) return;
        auto const who = own ? "the account's limits allow " : "the package allows ";
        problems_.push_back({"/" + std::string(what), "too_many", who + std::to_string(most.value())});
    }

    Admission const& admission_;
    Spec const& spec_;
    Object const* former_;
    PutRequest::Find const& find_;
    std::map<std::string, Secret>& generated_;
    json::object value_;
    Problems problems_;
};

// What a put needs until it is told.
struct Arrival {
    Admission admission;
    Spec spec;
    std::map<std::string, Secret> generated{};
};

PutRequest request_of(std::shared_ptr<Arrival> const& arrival, AdmissionOptions const& options) {
    PutRequest request;
    request.ref = {std::string(arrival->spec.kind->schema->kind), arrival->spec.name};
    request.source = options.source;
    request.if_match = options.if_match;
    request.if_none_match = options.if_none_match;
    request.take_over = options.take_over;
    request.generated = &arrival->generated;
    request.by = options.by;
    request.spec = [arrival](Object const* former, PutRequest::Find const& find) {
        arrival->generated.clear();  // of an earlier call, whose spec was not stored
        return Entry(arrival->admission, arrival->spec, former, find, arrival->generated).run();
    };
    return request;
}

std::shared_ptr<Arrival> arrival_of(Admission const& admission, Spec spec) {
    return std::make_shared<Arrival>(Arrival{admission, std::move(spec)});
}

}  // namespace

Stored<Written> admit(Admission const& admission, Spec spec, AdmissionOptions const& options) {
    return admission.store.put(request_of(arrival_of(admission, std::move(spec)), options));
}

void admit(Admission const& admission, Spec spec, AdmissionOptions const& options, Told<Stored<Written>> told) {
    admission.store.put(request_of(arrival_of(admission, std::move(spec)), options), std::move(told));
}

Stored<Object> rehearse(Admission const& admission, Spec spec, AdmissionOptions const& options) {
    auto request = request_of(arrival_of(admission, std::move(spec)), options);
    request.by = nullptr;  // nothing is written, so nothing is spent
    return admission.store.rehearse(request);
}

}  // namespace genesis
