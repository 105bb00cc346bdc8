// Clients that mean harm: slow, too long, too deep, twice the same key; and what the server answered.
#pragma once
#include "tests/clients/load/caller.hpp"

#include <string>
#include <vector>

namespace genesis::load {

struct Hostile {
    std::size_t slow = 1000;  // connections held open at once, each in one of four ways
    double seconds = 20;
    std::vector<std::string> from;  // addresses of this machine that the slow ones share out among them
};

// Prints "KIND STATUS NUMBER" for each kind of request and status; status 0: the connection was closed without one.
// Kinds: header (64 KiB), body (2 GB announced and sent until it is refused), deep (10,000 arrays in each other) and
// twice (a key twice), the last three signed with a good key; stranger (1 MB, signed with a key nobody knows).
// And "slow KIND NUMBER": how often a connection was opened that says nothing, stops in the handshake, sends its head,
// or its body, a byte at a time.
void attack(Caller::Who const& who, Hostile const& options);

}  // namespace genesis::load
