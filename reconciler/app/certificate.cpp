// Reads both files as one: a pair that is being replaced does not match, and counts once it does.
#include "reconciler/app/certificate.hpp"

#include "drivers/host/files.hpp"
#include "drivers/host/pem.hpp"
#include "drivers/tls/self_signed.hpp"
#include "resources/schema/digest.hpp"

#include <sys/stat.h>

#include <fstream>
#include <iterator>

namespace genesis {
namespace {

constexpr std::size_t most = 1 << 20;

// Changes whenever the file is written or replaced.
std::string stamp_of(std::string const& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return "none;";
    std::string out;
    for (auto const part : {static_cast<std::int64_t>(found.st_ino), found.st_size, found.st_mtim.tv_sec,
                            found.st_mtim.tv_nsec, found.st_ctim.tv_sec, found.st_ctim.tv_nsec})
        out += std::to_string(part) + ";";
    return out;
}

std::string bytes_of(std::string const& path) {
    std::ifstream file(path, std::ios::binary);
    std::string out(most, '\0');
    file.read(out.data(), most);
    out.resize(static_cast<std::size_t>(file.gcount()));
    return out;
}

}  // namespace

ApiCertificate ApiCertificate::own(std::string const& directory, std::vector<std::string> const& names,
                                   Clock const& clock, Log& log) {
    constexpr auto chain = "api-certificate.pem", key = "api-key.pem";
    auto const dir = host::Dir::open(directory);
    if (!dir.look(chain) || !dir.look(key)) {
        auto const made = make_self_signed(names, clock.now(), std::chrono::days(3650));
        dir.write(key, made.key, {0, 0, 0600});
        dir.write(chain, made.chain, {0, 0, 0644});
    }
    return {{directory + "/" + chain, directory + "/" + key}, log};
}

void ApiCertificate::use(std::string const& chain, Secret const& key) {
    auto const read = host::PairReader().read(chain, key.reveal());
    if (!read.why.empty()) throw Fault(read.why);
    if (current_) {
        current_->replace(chain, key);
    } else {
        current_ = std::make_unique<TlsCertificate>(chain, key);
    }
    why_.clear();
    log_.write(Level::info, "the API's certificate is in use",
               {{"file", files_.chain}, {"until", iso(read.pair.not_after)}});
}

void ApiCertificate::follow() {
    auto stamps = stamp_of(files_.chain) + stamp_of(files_.key);
    if (stamps == stamps_) return;
    stamps_ = std::move(stamps);
    auto const chain = bytes_of(files_.chain);
    Secret const key(bytes_of(files_.key));
    auto seen = sha256(chain) + sha256(key.reveal());
    if (seen == seen_) return;
    seen_ = std::move(seen);
    try {
        use(chain, key);
    } catch (Fault const& e) {
        why_ = e.what();
        log_.write(Level::error, "the API's certificate cannot be used",
                   {{"file", files_.chain}, {"why", why_}, {"meanwhile", current_ ? "the former one is" : "none is"}});
    }
}

}  // namespace genesis
