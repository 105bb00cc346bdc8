// Keeps the key and chain of each site that serves HTTPS: makes self-signed pairs, stores supplied ones.
#pragma once
#include "drivers/driver.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/pem.hpp"
#include "drivers/tls/kinds.hpp"

#include <unordered_map>

namespace genesis {

struct TlsSettings {
    std::string root = "/etc/genesis/tls";
    std::chrono::days lifetime{825}, renew_before{30};
};

// <root>/<name>/chain.pem (0644) and key.pem (0600). Both begin with a comment line "# genesis {record}", which every
// PEM reader skips: either file alone still says whose it is when the other was damaged or deleted.
class TlsDriver {
public:
    using Kinds = std::tuple<Certificate>;

    explicit TlsDriver(TlsSettings settings = {}) : settings_(std::move(settings)) {}

    Observed<Certificate> observe(Of<Certificate>, Scope const& scope, Context& context);
    std::vector<Outcome> apply(std::span<Step<Certificate> const> steps, Context& context);
    Settled settle(Context& context);

private:
    // What the bytes of a pair said, kept until either file changes.
    struct Known {
        std::optional<host::Seen> chain_seen, key_seen;
        std::optional<Certificate> record;  // nothing: neither file is ours
        std::string wrong;                  // empty, or what is wrong regardless of the hour
        host::Pair pair;
    };

    void look_at(host::Dir const& root, std::string const& name, Observed<Certificate>& out, Context const& context);
    Known const& known(host::Dir const& root, std::string const& name);
    [[nodiscard]] std::string state(Known const& known, host::Owner const& dir, Time now) const;
    Outcome realise(host::Dir const& root, Step<Certificate> const& step, Context const& context);
    void store(host::Dir const& root, Certificate const& want, Time now);

    TlsSettings settings_;
    std::unordered_map<std::string, Known> cache_;
};

}  // namespace genesis
