// Plain system calls, in the order in which one account after the other comes.
#include "tests/bench/floor/accounts.hpp"

#include "drivers/tls/self_signed.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace genesis::bench {
namespace {

[[noreturn]] void fail(std::string const& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

void replace_all(std::string& text, std::string_view mark, std::string const& value) {
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size()))
        text.replace(at, mark.size(), value);
}

void make_directory(std::string const& path, Owner const& owner) {
    if (::mkdir(path.c_str(), owner.mode) != 0) fail(path);
    if (::chown(path.c_str(), owner.uid, owner.gid) != 0 || ::chmod(path.c_str(), owner.mode) != 0) fail(path);
}

constexpr char const* units = "/etc/systemd/system";
constexpr char const* sites = "/etc/genesis/apache/sites";

}  // namespace

std::vector<Account> standard_accounts(std::size_t count) {
    std::vector<Account> out;
    for (std::size_t i = 1; i <= count; ++i) {
        auto number = std::to_string(i);
        auto const name = "floor" + std::string(number.size() < 4 ? 4 - number.size() : 0, '0') + number;
        out.push_back({name, name + ".example", "/home/" + name, static_cast<uid_t>(20000 + i)});
    }
    return out;
}

gid_t group_id(std::string const& name) {
    auto const* entry = ::getgrnam(name.c_str());
    if (entry == nullptr) throw std::runtime_error("no group " + name);
    return entry->gr_gid;
}

void Files::write(std::string const& path, std::string_view bytes, Owner const& owner) const {
    auto const temporary = path + ".new";
    int const fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) fail(temporary);
    bool const written = ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
                         ::fchown(fd, owner.uid, owner.gid) == 0 && ::fchmod(fd, owner.mode) == 0 &&
                         (sync_ == Sync::batch || ::fsync(fd) == 0);
    if (!written) fail(temporary);
    ::close(fd);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path);
}

void Files::finish(std::string const& directory) const {
    int const fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) fail(directory);
    if ((sync_ == Sync::batch ? ::syncfs(fd) : ::fsync(fd)) != 0) fail(directory);
    ::close(fd);
}

std::string const& Files::read(std::string const& name) {
    auto& text = read_[name];
    if (!text.empty()) return text;
    std::ifstream in(root_ + "/" + name);
    std::stringstream all;
    all << in.rdbuf();
    text = all.str();
    if (text.empty()) throw std::runtime_error("no template " + root_ + "/" + name);
    return text;
}

std::string Files::fill(std::string const& name, Account const& account) {
    auto out = read(name);
    replace_all(out, "@NAME@", account.name);
    replace_all(out, "@DOMAIN@", account.domain);
    replace_all(out, "@HOME@", account.home);
    replace_all(out, "@UID@", std::to_string(account.uid));
    replace_all(out, "@PHP@", php_);
    return out;
}

void make_directories(std::vector<Account> const& accounts, Files& files) {
    auto const web = group_id("www-data"), log = group_id("adm");
    for (auto const& a : accounts) {
        auto const site = a.home + "/sites/" + a.domain;
        make_directory(a.home, {a.uid, web, 0710});
        make_directory(a.home + "/sites", {a.uid, a.uid, 0755});
        make_directory(a.home + "/tmp", {a.uid, a.uid, 0700});
        make_directory("/var/log/genesis/" + a.name, {0, log, 0750});
        make_directory(site, {a.uid, a.uid, 0755});
        make_directory(site + "/public", {a.uid, a.uid, 0755});
        files.write(site + "/public/index.php", files.fill("index.php", a), {a.uid, a.uid, 0644});
    }
    files.finish("/home");
}

void make_certificates(std::vector<Account> const& accounts, Files const& files) {
    auto const now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    for (auto const& a : accounts) {
        auto const directory = "/etc/genesis/tls/" + a.domain;
        auto const made = make_self_signed({a.domain}, now, std::chrono::days(365));
        make_directory(directory, {0, 0, 0700});
        files.write(directory + "/key.pem", made.key, {0, 0, 0600});
        files.write(directory + "/chain.pem", made.chain, {0, 0, 0644});
    }
    files.finish("/etc/genesis/tls");
}

void write_slices(std::vector<Account> const& accounts, Files& files) {
    for (auto const& a : accounts)
        files.write(std::string(units) + "/genesis-" + a.name + ".slice", files.fill("account.slice", a), {});
    files.finish(units);
}

void write_php(std::vector<Account> const& accounts, Files& files) {
    for (auto const& a : accounts) {
        auto const name = a.name + "-" + files.php();
        make_directory("/etc/genesis/php/" + name, {0, 0, 0755});
        files.write("/etc/genesis/php/" + name + "/pools.conf", files.fill("php.conf", a), {});
        for (auto const* const kind : {".service", ".socket"})
            files.write(std::string(units) + "/genesis-php-" + name + kind, files.fill(std::string("php") + kind, a),
                        {});
    }
    files.finish(units);
}

void write_sites(std::vector<Account> const& accounts, Files& files, std::string const& generation) {
    for (auto const& a : accounts)
        files.write(std::string(sites) + "/" + a.domain + ".conf", files.fill("site.conf", a), {0, 0, 0640});
    files.write(std::string(sites) + "/0generation.conf", generation, {0, 0, 0640});
    files.finish(sites);
}

}  // namespace genesis::bench
