// The checks a spec passes on its way in, run under the store's write lock so that what they saw still holds.
#include "reconciler/store/admission.hpp"

#include "drivers/secrets/vault.hpp"

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

// One spec on its way in. Every problem is collected; each step does what it can without the others.
class Entry {
public:
    Entry(Admission const& admission, Spec const& spec, Object const* former, PutRequest::Find const& find,
          std::map<std::string, Secret>& generated)
        : admission_(admission), spec_(spec), former_(former), find_(find), generated_(generated), value_(spec.value) {}

    Stored<json::object> run() {
        check_reserved();
        merge_secrets();
        choose();
        check_references();
        if (problems_.empty()) return std::move(value_);
        auto const code = problems_.front().code == "reserved" ? "reserved" : "invalid";
        return StoreRefusal{code, problems_.front().text, std::move(problems_)};
    }

private:
    void check_reserved() {
        if (spec_.kind->claims == nullptr) return;
        for (auto const& claim : spec_.kind->claims(value_)) {
            if (problems_.size() >= most_problems) return;
            if (claim.space == spaces::uid) {
                check_name();
            } else if (claim.space == spaces::domain) {
                if (auto const why = admission_.reserved.domain(text_of(claim.value)); why && !has_already(claim))
                    problems_.push_back({claim.path, "reserved", *why});
            }
        }
    }

    // What was reserved after it had it: it stays, or the account could not even be suspended any more.
    [[nodiscard]] bool has_already(Claim const& claim) const {
        if (former_ == nullptr) return false;
        auto const had = spec_.kind->claims(former_->spec);
        return std::any_of(had.begin(), had.end(),
                           [&](Claim const& one) { return one.space == claim.space && one.value == claim.value; });
    }

    // What is given a uid becomes a user of the system, under the same name.
    void check_name() {
        if (former_ != nullptr) return;
        if (auto const why = admission_.reserved.user_name(spec_.name))
            problems_.push_back({"/" + std::string(spec_.kind->schema->key()->name), "reserved", *why});
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

    // What it refers to must be there and not about to go.
    void check_references() {
        std::map<Ref, Object> referred;
        for (auto const& [path, to, may_lack] : references_at(*spec_.kind->schema, value_)) {
            auto found = find_(to);
            bool const there = found && !found->terminating;
            if (there) referred.emplace(to, std::move(*found));
            if (!there && !may_lack) problems_.push_back({path, "not_found", "there is no " + to.kind + " " + to.key});
        }
        if (spec_.kind->check_referred == nullptr) return;
        auto more =
            spec_.kind->check_referred(value_, former_ != nullptr ? &former_->spec : nullptr, [&](Ref const& ref) {
                auto const known = referred.find(ref);
                return known != referred.end() ? &known->second.spec : nullptr;
            });
        problems_.insert(problems_.end(), more.begin(), more.end());
    }

    Admission const& admission_;
    Spec const& spec_;
    Object const* former_;
    PutRequest::Find const& find_;
    std::map<std::string, Secret>& generated_;
    json::object value_;
    Problems problems_;
};

// What a put needs until it completes.
struct PendingPut {
    Admission admission;
    Spec spec;
    std::map<std::string, Secret> generated{};
};

PutRequest request_of(std::shared_ptr<PendingPut> const& pending, AdmissionOptions const& options) {
    PutRequest request;
    request.ref = {std::string(pending->spec.kind->schema->kind), pending->spec.name};
    request.source = options.source;
    request.if_match = options.if_match;
    request.if_none_match = options.if_none_match;
    request.take_over = options.take_over;
    request.generated = &pending->generated;
    request.actor = options.actor;
    request.spec = [pending](Object const* former, PutRequest::Find const& find) {
        pending->generated.clear();  // of an earlier call, whose spec was not stored
        return Entry(pending->admission, pending->spec, former, find, pending->generated).run();
    };
    return request;
}

std::shared_ptr<PendingPut> pending_of(Admission const& admission, Spec spec) {
    return std::make_shared<PendingPut>(PendingPut{admission, std::move(spec)});
}

}  // namespace

Stored<Written> admit(Admission const& admission, Spec spec, AdmissionOptions const& options) {
    return admission.store.put(request_of(pending_of(admission, std::move(spec)), options));
}

void admit(Admission const& admission, Spec spec, AdmissionOptions const& options,
           Completion<Stored<Written>> completion) {
    admission.store.put(request_of(pending_of(admission, std::move(spec)), options), std::move(completion));
}

Stored<Object> dry_run(Admission const& admission, Spec spec, AdmissionOptions const& options) {
    auto request = request_of(pending_of(admission, std::move(spec)), options);
    request.actor = nullptr;  // nothing is written, so nothing is consumed
    return admission.store.dry_run(request);
}

}  // namespace genesis
