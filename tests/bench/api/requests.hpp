// What is asked of both servers: account specs as a billing system sends them, each another one.
#pragma once
#include "resources/schema/secret.hpp"

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <utility>

namespace genesis::bench {

// The sequence of writes: while there are fewer than `most` accounts every tenth makes one more, the others change one
// that is there. The same seed gives the same sequence.
class Writes {
public:
    Writes(std::size_t first, std::size_t most) : accounts_(first), most_(most) {}
    struct Write {
        std::string name, spec;  // the spec as JSON, 1.2 KB
    };
    Write next();
    // One that is there, chosen at random.
    std::string some_name();
    [[nodiscard]] std::size_t accounts() const { return accounts_; }

private:
    std::size_t accounts_, most_;
    std::uint64_t count_ = 0;
    std::mt19937_64 random_{1};  // NOLINT(cert-msc32-c,cert-msc51-cpp): both servers get the same sequence
};

std::string account_spec(std::string const& name, std::uint64_t change);
inline std::string account_name(std::size_t number) { return "acct" + std::to_string(number); }

// The lines of a head that say who asks; each request has its own nonce.
using Sign = std::function<std::string(std::string_view method, std::string_view target, std::string_view body)>;
Sign signer(std::string kid, std::string audience, Secret key);

void put_account(std::string& out, Writes::Write const& write, Sign const& sign);
void get_account(std::string& out, std::string const& name, Sign const& sign);
void list_accounts(std::string& out, Sign const& sign);  // the first page of a hundred
std::string put_package(Sign const& sign);               // the one that the accounts name
// The same write as etcd's JSON gateway takes it: key and value in base64.
void put_etcd(std::string& out, Writes::Write const& write);

}  // namespace genesis::bench
