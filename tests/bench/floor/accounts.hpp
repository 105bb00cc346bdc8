// The standard account as bare files and directories, durable and without anything that decides.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::bench {

struct Account {
    std::string name, domain, home;
    uid_t uid = 0;
};

// floor0001.example, floor0002.example and so on.
std::vector<Account> standard_accounts(std::size_t count);

struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
    mode_t mode = 0644;
};

enum class Sync { each, batch };  // fsync of each file, or one syncfs at the end of a batch

// Everything below throws std::runtime_error with the path.
class Files {
public:
    Files(std::string templates, std::string php, Sync sync)
        : root_(std::move(templates)), php_(std::move(php)), sync_(sync) {}

    // A temporary file, owner, mode, fsync (unless by batch) and rename.
    void write(std::string const& path, std::string_view bytes, Owner const& owner) const;
    // The template of that name with @NAME@, @DOMAIN@, @HOME@, @UID@ and @PHP@ filled in.
    [[nodiscard]] std::string fill(std::string const& name, Account const& account);
    void finish(std::string const& directory) const;  // syncfs, where it is by batch; else fsync of the directory

    [[nodiscard]] std::string const& php() const { return php_; }

private:
    std::string const& read(std::string const& name);
    std::string root_, php_;
    Sync sync_;
    std::map<std::string, std::string> read_;
};

gid_t group_id(std::string const& name);

void make_directories(std::vector<Account> const& accounts, Files& files);  // with the page that says it is ready
void make_certificates(std::vector<Account> const& accounts, Files const& files);
void write_slices(std::vector<Account> const& accounts, Files& files);
void write_php(std::vector<Account> const& accounts, Files& files);  // configuration, service and socket unit
void write_sites(std::vector<Account> const& accounts, Files& files, std::string const& generation);

}  // namespace genesis::bench
