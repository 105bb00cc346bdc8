// The one way a spec gets into the store, from wherever it comes: checks that need the store or the machine, then put().
#pragma once
#include "reconciler/store/objects.hpp"

namespace genesis {

// What this machine keeps for itself and what it has to offer; asked at admission, before a number or name is given
// away.
struct Reserved {
    virtual ~Reserved() = default;
    // Why no account may have this name ("is a user of this system"); nothing when it is free.
    [[nodiscard]] virtual std::optional<std::string> user_name(std::string const& name) const = 0;
    [[nodiscard]] virtual std::optional<std::string> domain(std::string const& name) const = 0;
    // The versions of PHP that sites can have, oldest first.
    [[nodiscard]] virtual std::vector<std::string> php_versions() const = 0;
};

struct Admission {
    Objects& store;
    Reserved const& reserved;
};

struct AdmissionOptions {
    std::string source = "api";
    std::optional<std::int64_t> if_match;
    bool if_none_match = false;
    bool take_over = false;
    Actor* actor = nullptr;
};

// Merges "********" and absent generated secrets with what is stored, makes up the missing ones, chooses what is left
// to the server (ObjectKind::choose), refuses reserved names, what others have already, what it refers to and is not
// there, and what the kind's own rules say, then stores.
Stored<Written> admit(Admission const& admission, Spec spec, AdmissionOptions const& options);
// The same, returning at once; the admission and `options.actor` live until it completes. Throws Fault like Objects::put().
void admit(Admission const& admission, Spec spec, AdmissionOptions const& options, Completion<Stored<Written>> completion);
// The same checks and the same merge, nothing stored: the object as it would be, for a preview.
Stored<Object> dry_run(Admission const& admission, Spec spec, AdmissionOptions const& options);

}  // namespace genesis
