// Keeps the key and chain of each site that serves HTTPS: makes self-signed pairs, stores supplied ones.
#pragma once
#include "drivers/driver.hpp"
#include "drivers/host/files.hpp"
#include "drivers/host/pem.hpp"
#include "drivers/layout.hpp"
#include "drivers/managed/read_once.hpp"
#include "drivers/tls/kinds.hpp"
#include "drivers/tls/settings.hpp"

namespace genesis {

// <root>/<name>/chain.pem (0644) and key.pem (0600). Both begin with a comment line "# genesis {record}", which every
// PEM reader skips: either file alone still says whose it is when the other was damaged or deleted.
class TlsDriver {
public:
    using Kinds = std::tuple<Certificate>;

    explicit TlsDriver(NodeLayout const& layout = {}, TlsSettings settings = {},
                       std::shared_ptr<host::PairReader> pairs = std::make_shared<host::PairReader>())
        : root_(layout.certificates()), settings_(settings), pairs_(std::move(pairs)) {}

    Observed<Certificate> observe(Of<Certificate>, Scope const& scope, Context& context);
    std::vector<Outcome> apply(std::span<Step<Certificate> const> steps, Context& context);
    CommitResult commit(Context& context);

private:
    // What the bytes of a pair said.
    struct Known {
        bool holds = false;                 // anything at all
        std::optional<Certificate> record;  // nothing: neither file is ours
        std::string wrong;                  // empty, or what is wrong regardless of the hour
        host::Pair pair;
    };

    void look_at(host::Dir const& root, std::string const& name, Observed<Certificate>& out, Context const& context);
    Known const& known(host::Dir const& root, std::string const& name);
    Known read_files(host::Dir const& root, std::string const& name, std::optional<host::FileStat> const& chain_seen,
                     std::optional<host::FileStat> const& key_seen);
    [[nodiscard]] std::string state(Known const& known, host::Owner const& dir, Time now) const;
    Outcome realise(host::Dir const& root, Step<Certificate> const& step, Context const& context);
    void store(host::Dir const& root, Certificate const& want, Time now);

    std::string root_;
    TlsSettings settings_;
    std::shared_ptr<host::PairReader> pairs_;
    managed::ReadOnce<Known, 2> cache_;  // chain, key
};

}  // namespace genesis
