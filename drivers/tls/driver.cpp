// Keeps the key and chain of each site that serves HTTPS: makes self-signed pairs, stores supplied ones.
#include "drivers/tls/driver.hpp"

#include "drivers/managed/record_line.hpp"
#include "drivers/tls/self_signed.hpp"
#include "resources/schema/digest.hpp"

#include <algorithm>
#include <sstream>

namespace genesis {

namespace {

constexpr host::Owner directory_owner{0, 0, 0700}, chain_owner{0, 0, 0644}, key_owner{0, 0, 0600};

// The record without its secrets and without what is only observed.
std::string header(Certificate const& record) {
    return managed::record_line('#', record, {"chain", "key", "files", "not_after"});
}

// Line two of what we made ourselves: the digests of both bodies and the validity. While they agree, a pass over
// thousands of certificates parses none. Supplied pairs have no such line: what a server accepts of them may change.
constexpr std::string_view trusted_mark = "# vouched ";
std::string trusted_note(MadePair const& made) {
    auto seconds = [](Time t) { return std::to_string(t.time_since_epoch() / std::chrono::seconds(1)); };
    return std::string(trusted_mark) + sha256(made.chain) + " " + sha256(made.key) + " " + seconds(made.not_before) +
           " " + seconds(made.not_after) + "\n";
}

struct Split {
    std::optional<Certificate> record;
    std::string_view body, trusted_note{};
};

Split split_header(std::string_view bytes) {
    if (!managed::is_ours(bytes)) return {std::nullopt, bytes};
    Split out{managed::read_record<Certificate>(bytes), managed::after_first_line(bytes)};
    if (!out.body.starts_with(trusted_mark)) return out;
    auto const end = std::min(out.body.find('\n'), out.body.size() - 1);
    out.trusted_note = out.body.substr(0, end + 1);
    out.body.remove_prefix(end + 1);
    return out;
}

std::vector<std::string> wanted_names(Certificate const& want) {
    std::vector<std::string> out;
    for (auto const& name : want.names) out.push_back(name.str());
    if (out.empty()) out.push_back(want.name.str());
    std::sort(out.begin(), out.end());
    return out;
}

void vouch_for(host::PairReader& pairs, Certificate const& record, Split const& chain, Split const& key) {
    if (record.source != CertificateSource::self_signed || chain.trusted_note.empty() ||
        chain.trusted_note != key.trusted_note)
        return;
    std::istringstream words{std::string(chain.trusted_note.substr(trusted_mark.size()))};
    std::string chain_sha, key_sha;
    std::int64_t from = 0, until = 0;
    if (!(words >> chain_sha >> key_sha >> from >> until)) return;
    if (chain_sha != sha256(chain.body) || key_sha != sha256(key.body)) return;
    pairs.trust(chain.body, key.body,
                {wanted_names(record), Time(std::chrono::seconds(from)), Time(std::chrono::seconds(until))});
}

std::string wrong_file(std::string const& name, std::optional<host::FileStat> const& seen, host::Owner const& want) {
    if (!seen) return name + " is missing";
    if (seen->kind != host::FileStat::regular || seen->links != 1) return name + " is not an ordinary file";
    if (seen->owner.uid != want.uid || seen->owner.gid != want.gid || seen->owner.mode != want.mode)
        return name + ": mode " + host::describe(seen->owner) + ", wanted " + host::describe(want);
    return {};
}

// Nothing when the file cannot hold anything of ours: absent, not regular, or left empty by a power loss.
std::string bytes_of(host::Dir const& root, std::string const& path, std::optional<host::FileStat> const& seen) {
    if (!seen || seen->kind != host::FileStat::regular || seen->links != 1) return {};
    auto file = root.read(path);
    return file ? std::move(file->bytes) : std::string();
}

std::string date(Time time) {
    auto const day = std::chrono::floor<std::chrono::days>(time);
    std::chrono::year_month_day const ymd(day);
    std::chrono::hh_mm_ss const clock(std::chrono::floor<std::chrono::seconds>(time - day));
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", int(ymd.year()),
                        unsigned(ymd.month()), unsigned(ymd.day()), int(clock.hours().count()),
                        int(clock.minutes().count()), int(clock.seconds().count()));
    return text.data();
}

}  // namespace

TlsDriver::Known const& TlsDriver::known(host::Dir const& root, std::string const& name) {
    auto const dir = root.try_view(name);
    std::array const seen{dir ? dir->look("chain.pem") : std::nullopt, dir ? dir->look("key.pem") : std::nullopt};
    return cache_.get(name, seen, [&] { return read_files(root, name, seen[0], seen[1]); });
}

TlsDriver::Known TlsDriver::read_files(host::Dir const& root, std::string const& name,
                                       std::optional<host::FileStat> const& chain_seen,
                                       std::optional<host::FileStat> const& key_seen) {
    auto const chain_bytes = bytes_of(root, name + "/chain.pem", chain_seen);
    Secret const key_bytes(bytes_of(root, name + "/key.pem", key_seen));
    auto const chain = split_header(chain_bytes), key = split_header(key_bytes.reveal());
    auto const holds = [](std::optional<host::FileStat> const& f) {
        return f && (f->kind != host::FileStat::regular || f->size > 0);
    };
    Known fresh{holds(chain_seen) || holds(key_seen), chain.record ? chain.record : key.record, {}, {}};
    if (!fresh.record) return fresh;
    auto& record = *fresh.record;
    vouch_for(*pairs_, record, chain, key);
    auto read = pairs_->read(chain.body, key.body);
    fresh.pair = std::move(read.pair);
    fresh.wrong = wrong_file("chain.pem", chain_seen, chain_owner);
    if (fresh.wrong.empty()) fresh.wrong = wrong_file("key.pem", key_seen, key_owner);
    if (fresh.wrong.empty()) fresh.wrong = read.why;
    if (fresh.wrong.empty() &&
        (!chain.record || !key.record || header(*chain.record) != header(*key.record) || record.name.str() != name))
        fresh.wrong = "the first lines of chain.pem and key.pem do not agree";
    if (record.source == CertificateSource::supplied) {
        record.chain_digest = sha256(chain.body);
        record.key_digest = sha256(key.body);
    } else if (fresh.wrong.empty() && fresh.pair.names != wanted_names(record)) {
        fresh.wrong = "chain.pem is for other names";
    }
    record.name = Domain::checked(name);
    return fresh;
}

std::string TlsDriver::state(Known const& known, host::Owner const& dir, Time now) const {
    if (dir.uid != directory_owner.uid || dir.gid != directory_owner.gid || dir.mode != directory_owner.mode)
        return "the directory: mode " + host::describe(dir) + ", wanted " + host::describe(directory_owner);
    if (!known.wrong.empty()) return known.wrong;
    if (known.record->source == CertificateSource::supplied) return "intact";  // its dates are its owner's affair
    if (now < known.pair.not_before) return "not valid before " + date(known.pair.not_before);
    auto const left = std::chrono::floor<std::chrono::days>(known.pair.not_after - now);
    if (left < std::chrono::days(settings_.renew_before_days))
        return "expires in " + std::to_string(left.count()) + " days";
    return "intact";
}

void TlsDriver::look_at(host::Dir const& root, std::string const& name, Observed<Certificate>& out,
                        Context const& context) {
    auto const parsed = Domain::try_parse(name);
    if (!parsed) return;
    auto const dir = root.look(name);
    if (!dir) return;
    auto unmanaged = [&] {
        Certificate value;
        value.name = *parsed;
        out.unmanaged.push_back({std::move(value), root_ + "/" + name + " was not made by Genesis"});
    };
    if (dir->kind != host::FileStat::directory) return unmanaged();
    try {
        auto const& seen = known(root, name);
        if (!seen.record) {
            if (seen.holds) unmanaged();
            return;
        }
        auto record = *seen.record;
        record.files = state(seen, dir->owner, context.clock.now());
        if (seen.pair.not_after != Time{}) record.not_after = date(seen.pair.not_after);
        out.found.push_back(std::move(record));
    } catch (Expired const&) {
        throw;
    } catch (Fault const& fault) {
        context.log.write(Level::warning, "certificate not seen", {{"name", name}, {"why", fault.what()}});
        out.unseen.push_back(name);
    }
}

Observed<Certificate> TlsDriver::observe(Of<Certificate>, Scope const& scope, Context& context) {
    Observed<Certificate> out;
    auto const root = host::Dir::try_open(root_);
    if (!root) return out;
    auto const names = scope.everything() ? root->list() : scope.keys;
    for (auto const& name : names) {
        context.check();
        look_at(*root, name, out, context);
    }
    if (scope.everything()) cache_.trim(names.size());
    return out;
}

void TlsDriver::store(host::Dir const& root, Certificate const& want, Time now) {
    auto const name = want.name.str();
    auto made = MadePair{want.chain.str(), want.key.reveal(), {}, {}};
    if (want.source == CertificateSource::self_signed) {
        auto const chain_file = root.look(name + "/chain.pem"), key_file = root.look(name + "/key.pem");
        auto const chain = bytes_of(root, name + "/chain.pem", chain_file);
        auto const key = bytes_of(root, name + "/key.pem", key_file);
        made = {std::string(split_header(chain).body), std::string(split_header(key).body), {}, {}};
        auto const read = pairs_->read(made.chain, made.key);
        bool const keep = read.why.empty() && read.pair.names == wanted_names(want) && now >= read.pair.not_before &&
                          read.pair.not_after - now >= std::chrono::days(settings_.renew_before_days);
        made.not_before = read.pair.not_before;
        made.not_after = read.pair.not_after;
        if (!keep) {
            made = make_self_signed(wanted_names(want), now, std::chrono::days(settings_.lifetime_days));
            pairs_->trust(made.chain, made.key, {wanted_names(want), made.not_before, made.not_after});
        }
    }
    root.make(name, directory_owner);
    auto const dir = root.beneath(name);
    auto const first = header(want) + (want.source == CertificateSource::self_signed ? trusted_note(made) : "");
    // The key goes first: until the chain follows, the pair does not match and is written again. One syncfs at the end
    // of the batch makes all of it durable; files a power loss left empty count as absent.
    dir.write("key.pem", first + made.key, key_owner, false);
    dir.write("chain.pem", first + made.chain, chain_owner, false);
}

Outcome TlsDriver::realise(host::Dir const& root, Step<Certificate> const& step, Context const& context) {
    auto const name = step.subject().name.str();
    Observed<Certificate> here;
    look_at(root, name, here, context);
    if (!here.unmanaged.empty()) return {Outcome::retry, here.unmanaged.front().why};
    if (step.verb == Verb::remove) {
        cache_.forget(name);
        root.remove_tree(name, context);
        return {};
    }
    auto const& want = step.want;
    if (want.source == CertificateSource::supplied) {
        if (want.chain.empty() || want.key.empty()) return {Outcome::terminal, "a chain and a key must be given"};
        if (sha256(want.chain.str()) != want.chain_digest || sha256(want.key.reveal()) != want.key_digest)
            return {Outcome::terminal, "the digests do not belong to the chain and the key"};
        auto const read = pairs_->read(want.chain.str(), want.key.reveal());
        if (!read.why.empty()) return {Outcome::terminal, read.why};
    }
    store(root, want, context.clock.now());
    return {};
}

std::vector<Outcome> TlsDriver::apply(std::span<Step<Certificate> const> steps, Context& context) {
    std::vector<Outcome> out;
    if (steps.empty()) return out;
    auto const root = host::Dir::make_all(root_, directory_owner);
    for (auto const& step : steps) out.push_back(one_step(context, [&] { return realise(root, step, context); }));
    root.sync();
    return out;
}

CommitResult TlsDriver::commit(Context& /*context*/) { return {}; }

}  // namespace genesis
