// Certificates and keys as servers load them: parsed and matched by OpenSSL, without a process.
#pragma once
#include "drivers/context.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::host {

struct Pair {
    std::vector<std::string> names;  // dNSName entries of the leaf's subjectAltName, sorted
    Time not_before{}, not_after{};  // of the leaf
};

struct PairRead {
    Pair pair;
    std::string why;  // empty, or why no TLS server would load these: "chain.pem is not a certificate"
};

// Checks what a server checks when it starts: the chain parses, the key parses without a passphrase, both belong
// together, and the system's security level accepts them. Apache ends itself over a pair that fails here.
// Parsing costs a fraction of a millisecond, so what one caller found out about the same bytes every other gets at
// once. For any number of threads.
class PairReader {
public:
    PairReader();
    ~PairReader();
    PairReader(PairReader const&) = delete;
    PairReader& operator=(PairReader const&) = delete;

    PairRead read(std::string_view chain, std::string_view key);
    // For a pair that this program has just made: spares the parsing.
    void trust(std::string_view chain, std::string_view key, Pair pair);

private:
    struct Known;
    std::unique_ptr<Known> known_;
};

}  // namespace genesis::host
